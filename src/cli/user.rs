//! `user`: people who may sign in.

pub mod link;

use clap::Subcommand;
use serde::Serialize;

use super::{Failure, open, output};
use crate::accounts::password::{Hashed, NewPassword, Passwords};
use crate::accounts::{self, Username, roles, second_factor_change};
use crate::clock::{Clock, UnixTime};
use crate::config::Config;
use crate::oauth::UserId;
use crate::revocation;
use crate::storage::users::{self, User};
use crate::storage::{Missing, Purpose, Role, Storage, StorageError};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an account; the first one is the owner's
    Add {
        /// The user name
        name: String,
        /// Read the password from stdin
        #[arg(long, required_unless_present = "invite", conflicts_with = "invite")]
        password_stdin: bool,
        /// Print a link in place of it, with which the person sets one
        #[arg(long)]
        invite: bool,
        /// owner or member
        #[arg(long)]
        role: Option<Role>,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Everybody
    List {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Set a new password, and sign the person out everywhere
    Passwd {
        /// The user name
        name: String,
        /// Read the password from stdin
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Print a new link for somebody who has not signed in yet; it works once, for a week
    Invite {
        /// The user name
        name: String,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Print a link with which a person sets a new password; it works once, for a day
    Reset {
        /// The user name
        name: String,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Make a person an owner or a member, and sign the person out everywhere
    Role {
        /// The user name
        name: String,
        /// owner or member
        role: Role,
    },
    /// End all access of a person, until `--undo`
    Disable {
        /// The user name
        name: String,
        /// Let the person sign in again; ended grants stay ended
        #[arg(long)]
        undo: bool,
    },
    /// Ask for no codes of an authenticator app and no passkey after the password any more, for a
    /// person who has lost them
    ResetSecondFactor {
        /// The user name
        name: String,
        /// Forget the person's passkeys too
        #[arg(long)]
        with_passkeys: bool,
    },
    /// End all access of a person, and forget the account
    Remove {
        /// The user name
        name: String,
    },
}

#[derive(Serialize)]
struct Shown {
    name: String,
    sub: UserId,
    role: Role,
    created_at: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_authorized_at: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_signed_in_at: Option<UnixTime>,
    disabled: bool,
}

impl From<User> for Shown {
    fn from(user: User) -> Self {
        Self {
            name: user.username,
            sub: user.id,
            role: user.role,
            created_at: user.created_at,
            last_authorized_at: user.last_authorized_at,
            last_signed_in_at: user.last_signed_in_at,
            disabled: user.disabled_at.is_some(),
        }
    }
}

/// Runs it.
///
/// # Errors
/// Names that nobody has or somebody has already, passwords that are too easy, the database's.
pub async fn run(command: Command, config: &Config) -> Result<(), Failure> {
    let missing = match command {
        Command::Add { .. } => Missing::Create,
        _ => Missing::Refuse,
    };
    let storage = open(config, missing)?;
    let done = decide(command, &storage, config).await;
    storage.close().await;
    done
}

async fn decide(command: Command, storage: &Storage, config: &Config) -> Result<(), Failure> {
    let issuer = &config.issuer;
    match command {
        Command::Add { name, invite: true, role, json, .. } => {
            link::add(storage, issuer, (&name, role), json).await
        }
        Command::Invite { name, json } => {
            link::make(storage, issuer, (&name, Purpose::Invite), json).await
        }
        Command::Reset { name, json } => {
            link::make(storage, issuer, (&name, Purpose::Reset), json).await
        }
        Command::Role { name, role } => change_role(storage, &name, role).await,
        Command::Add { name, role, json, .. } => add(storage, &name, role, json).await,
        Command::List { json } => list(storage, json).await,
        Command::Passwd { name, .. } => passwd(storage, &name).await,
        Command::Disable { name, undo } => disable(storage, &name, undo).await,
        Command::ResetSecondFactor { name, with_passkeys } => {
            reset_second_factor(storage, &name, with_passkeys).await
        }
        Command::Remove { name } => remove(storage, &name).await,
    }
}

async fn add(storage: &Storage, name: &str, role: Option<Role>, json: bool) -> Result<(), Failure> {
    let (username, password) = read_password(name).await?;
    let now = Clock::System.now();
    let add = move |conn: &mut _| accounts::add_user(conn, &username, &password, role, now);
    let user = storage.write(add).await.map_err(taken)?;
    if json {
        return output::json(&Shown::from(user));
    }
    output::line(&format!("{} ({}) can sign in", user.username, user.role))
}

async fn list(storage: &Storage, json: bool) -> Result<(), Failure> {
    let mut all: Vec<User> = vec![];
    loop {
        let after = all.last().map(|user| user.username.clone()).unwrap_or_default();
        let page = storage.read(|conn| users::list(conn, &after, 100)).await?;
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    if json {
        return output::json(&all.into_iter().map(Shown::from).collect::<Vec<_>>());
    }
    let row = |user: &User| {
        let state = if user.disabled_at.is_some() { "disabled" } else { "enabled" };
        [user.username.clone(), user.role.to_string(), state.to_owned(), user.id.to_string()]
    };
    output::table(["NAME", "ROLE", "STATE", "SUB"], &all.iter().map(row).collect::<Vec<_>>())
}

async fn passwd(storage: &Storage, name: &str) -> Result<(), Failure> {
    let user = find(storage, name).await?;
    let (_, password) = read_password(name).await?;
    let now = Clock::System.now();
    let id = user.id;
    let change = move |conn: &mut _| accounts::change_password(conn, &id, &password, now);
    let browsers = storage.write(change).await?;
    output::line(&format!("the password is changed; {browsers} browsers were signed out"))
}

async fn disable(storage: &Storage, name: &str, undo: bool) -> Result<(), Failure> {
    let user = find(storage, name).await?;
    let now = Clock::System.now();
    if undo {
        let enable = move |conn: &mut _| accounts::enable_user(conn, &user.id, now);
        if storage.write(enable).await? {
            return output::line("the account works again");
        }
        return Err(Failure::Failed("the account is not disabled".to_owned()));
    }
    let end = move |conn: &mut _| revocation::disable_user(conn, &user.id, now);
    let grants = storage.write(end).await?;
    let grants =
        grants.ok_or_else(|| Failure::Failed("the account is disabled already".to_owned()))?;
    output::line(&format!("the account is disabled; {grants} grants have ended"))
}

async fn reset_second_factor(storage: &Storage, name: &str, passkeys: bool) -> Result<(), Failure> {
    let user = find(storage, name).await?;
    let now = Clock::System.now();
    let reset = if passkeys {
        second_factor_change::reset_with_passkeys
    } else {
        second_factor_change::reset
    };
    let reset = move |conn: &mut _| reset(conn, &user.id, now);
    if storage.write(reset).await? {
        return output::line("the second factor is gone; the password is enough again");
    }
    Err(Failure::Failed("the account has no second factor".to_owned()))
}

async fn remove(storage: &Storage, name: &str) -> Result<(), Failure> {
    let user = find(storage, name).await?;
    let now = Clock::System.now();
    let end = move |conn: &mut _| revocation::remove_user(conn, &user.id, now);
    let grants = storage.write(end).await?.ok_or_else(nobody)?;
    output::line(&format!("the account is gone; {grants} grants have ended"))
}

async fn change_role(storage: &Storage, name: &str, role: Role) -> Result<(), Failure> {
    let user = find(storage, name).await?;
    let now = Clock::System.now();
    let change = move |conn: &mut _| roles::change(conn, &user.id, role, now);
    if storage.write(change).await? {
        output::line(&format!("the role is {role} now; every browser is signed out"))
    } else {
        output::line(&format!("the role was {role} already"))
    }
}

/// The account of this name.
pub(super) async fn find(storage: &Storage, name: &str) -> Result<User, Failure> {
    let name = Username::parse(name).map_err(|_| nobody())?;
    storage.read(|conn| users::find_by_name(conn, name.as_str())).await?.ok_or_else(nobody)
}

async fn read_password(name: &str) -> Result<(Username, Hashed), Failure> {
    let username = Username::parse(name)?;
    let password = NewPassword::parse(output::secret_from_stdin()?, &username)?;
    let hashed = Passwords::new(1)?.hash(password).await?;
    Ok((username, hashed))
}

/// A name that somebody has is said in words.
fn taken(error: StorageError) -> Failure {
    match error {
        StorageError::AlreadyExists => Failure::Failed("somebody has this name already".to_owned()),
        error => error.into(),
    }
}

fn nobody() -> Failure {
    Failure::Failed("nobody has this name".to_owned())
}
