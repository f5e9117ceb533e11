//! `client document`: the documents of clients that are known by an address (Client ID Metadata
//! Document).

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;

use super::super::{Failure, output};
use crate::app::bounds;
use crate::app::fetcher::LONGEST_DOCUMENT;
use crate::clients::document_copies::{self, DocumentCopy};
use crate::clients::shipped::{self, Shipped};
use crate::clock::{Clock, UnixTime};
use crate::config::Config;
use crate::oauth::{ClientId, ClientIdUrl};
use crate::storage::client_documents::{self, ClientDocument};
use crate::storage::{DbConnection, DocumentSource, Storage};

/// What is laid down is not longer than what is fetched.
const LONGEST: u64 = LONGEST_DOCUMENT as u64;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The copies that are kept, and those that are shipped with this program
    List {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// One of them, as it was published
    Show {
        /// Its address, which is the `client_id`
        url: ClientIdUrl,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Lay down a document: its address is not asked until the copy is removed
    Add {
        /// Its address, which is the `client_id`
        url: ClientIdUrl,
        /// A file with what is published there; - for stdin
        file: PathBuf,
    },
    /// Forget the copy that is kept: its address is asked when the client is next used
    Remove {
        /// Its address, which is the `client_id`
        url: ClientIdUrl,
    },
}

/// A copy, for programs.
#[derive(Serialize)]
struct Shown {
    client_id: String,
    source: DocumentSource,
    /// Whether somebody has used it, or asked for it.
    kept: bool,
    fetched_at: UnixTime,
    /// When its address is asked again; none: never, or when it is next used.
    #[serde(skip_serializing_if = "Option::is_none")]
    fresh_until: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Value>,
}

impl Shown {
    fn kept(copy: &ClientDocument) -> Self {
        let asked_again = copy.source != DocumentSource::Operator;
        Self {
            client_id: copy.client_id.to_string(),
            source: copy.source,
            kept: true,
            fetched_at: copy.fetched_at,
            fresh_until: asked_again.then_some(copy.fresh_until),
            document: None,
        }
    }

    fn shipped(shipped: &Shipped, url: &str) -> Self {
        Self {
            client_id: url.to_owned(),
            source: DocumentSource::Shipped,
            kept: false,
            fetched_at: shipped.as_of,
            fresh_until: None,
            document: None,
        }
    }

    fn row(&self) -> [String; 4] {
        let again = match (self.source, self.fresh_until) {
            (DocumentSource::Operator, _) => "never".to_owned(),
            (_, None) => "when it is used".to_owned(),
            (_, Some(at)) => at.to_string(),
        };
        let [id, source] = [self.client_id.clone(), self.source.to_string()];
        [id, source, self.fetched_at.to_string(), again]
    }
}

/// Runs it.
///
/// # Errors
/// Documents that are not there or not valid, files that cannot be read, the database's.
pub async fn run(command: Command, storage: &Storage, config: &Config) -> Result<(), Failure> {
    let now = Clock::System.now();
    match command {
        Command::List { json } => list(storage, json).await,
        Command::Show { url, json } => show(storage, &url, json).await,
        Command::Add { url, file } => {
            let (bounds, document) = (bounds(config), read(&file)?);
            let copy = DocumentCopy::laid_down(&url, &document, &bounds, now)?;
            let keep = move |conn: &mut DbConnection| {
                document_copies::keep(conn, &url, &copy, &bounds, now)
            };
            storage.write(keep).await?;
            output::line("the document counts until it is removed; its address is not asked")
        }
        Command::Remove { url } => {
            let id = ClientId::from(&url);
            let forget =
                move |conn: &mut DbConnection| document_copies::forget_copy(conn, &id, now);
            if !storage.write(forget).await? {
                return Err(no_copy());
            }
            output::line("the copy is forgotten; the address is asked when the client is next used")
        }
    }
}

async fn list(storage: &Storage, json: bool) -> Result<(), Failure> {
    let mut kept: Vec<ClientDocument> = vec![];
    loop {
        let after = kept.last().map(|copy| copy.client_id.to_string()).unwrap_or_default();
        let page = storage.read(|conn| client_documents::list(conn, &after, 100)).await?;
        if page.is_empty() {
            break;
        }
        kept.extend(page);
    }
    let unused = shipped::all()
        .iter()
        .filter(|shipped| kept.iter().all(|copy| copy.client_id.as_str() != shipped.client_id));
    let unused = unused.map(|shipped| Shown::shipped(shipped, shipped.client_id));
    let all: Vec<_> = kept.iter().map(Shown::kept).chain(unused).collect();
    if json {
        return output::json(&all);
    }
    let rows: Vec<_> = all.iter().map(Shown::row).collect();
    output::table(["CLIENT ID", "SOURCE", "AS OF", "ASKED AGAIN"], &rows)
}

async fn show(storage: &Storage, url: &ClientIdUrl, json: bool) -> Result<(), Failure> {
    let id = ClientId::from(url);
    let kept = storage.read(|conn| client_documents::find(conn, &id)).await?;
    let (shown, document) = match (kept, shipped::find(url)) {
        (Some(copy), _) => (Shown::kept(&copy), copy.document),
        (None, Some(shipped)) => {
            (Shown::shipped(&shipped, url.as_str()), shipped.document.into_owned())
        }
        (None, None) => return Err(no_copy()),
    };
    if json {
        let document = serde_json::from_str(&document).map_err(std::io::Error::from)?;
        return output::json(&Shown { document: Some(document), ..shown });
    }
    output::table(["CLIENT ID", "SOURCE", "AS OF", "ASKED AGAIN"], &[shown.row()])?;
    for line in document.lines() {
        output::line(&output::printable(line))?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut document = vec![];
    let read = if file == Path::new("-") {
        std::io::stdin().take(LONGEST + 1).read_to_end(&mut document)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut document))
    };
    read.map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    if document.len() as u64 > LONGEST {
        return Err(Failure::Failed(format!("a document has {LONGEST} bytes at most")));
    }
    Ok(document)
}

fn no_copy() -> Failure {
    Failure::Failed("no copy of this document is kept".to_owned())
}
