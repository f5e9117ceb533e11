//! `/account/passkeys`: what a person signs in with. Whoever is signed in sees it; it is changed
//! shortly after a sign-in only, and every change gives the session another id.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::accounts::passkeys::ceremony::RelyingParty;
use crate::accounts::passkeys::pending::{self, Purpose};
use crate::accounts::passkeys::{self, Name};
use crate::accounts::session::Recently;
use crate::accounts::ways::WaysOn;
use crate::error::Error;
use crate::oauth::{ErrorCode, TokenKind, TokenSecret};
use crate::pages::guard::Instead;
use crate::pages::passkey::{Offer, begin, checked, cookie, party, refused};
use crate::pages::visit::{PageForm, Visit, Visitor, see_other};
use crate::pages::{ContentPolicy, Frame, cookies, render};
use crate::storage::passkeys::{self as rows, Passkey};
use crate::storage::sign_ins::Goal;
use crate::words;

/// The page.
#[derive(Template)]
#[template(path = "account/passkeys.html", config = "src/pages/askama.toml")]
pub struct Passkeys {
    /// Around the content.
    pub frame: Frame,
    /// All that the person has.
    pub passkeys: Vec<Passkey>,
    /// The RP id of this service.
    pub host: String,
    /// Whether the sign-in was so recently that something can be changed.
    pub recent: bool,
    /// Whether a passkey is asked for after every other sign-in.
    pub required: bool,
    /// What the person has typed as the name of a new one.
    pub name: String,
    /// The form to add one, and what went wrong.
    pub passkey: Offer,
    /// Prove that the forms are ours.
    pub csrf: Csrf,
    /// What is wrong with the new name of a passkey.
    pub rename: Option<(String, String)>,
}

/// Prove that the forms are ours.
#[derive(Debug, Clone)]
pub struct Csrf {
    /// For the form that adds one.
    pub add: String,
    /// For those that call one something else.
    pub rename: String,
    /// For those that remove one.
    pub remove: String,
    /// For the switch.
    pub required: String,
}

/// What went wrong, and where it is said.
enum Problem {
    Nothing,
    /// At the top, with the name of the new passkey.
    Page(String, String),
    /// At the name of this passkey.
    Rename(String, String),
}

const PAGE: &str = "/account/passkeys";
const RENAME: &str = "/account/passkeys/rename";
const REMOVE: &str = "/account/passkeys/remove";
const REQUIRED: &str = "/account/passkeys/required";

impl Passkeys {
    fn is_renamed(&self, passkey: &Passkey) -> bool {
        self.rename.as_ref().is_some_and(|(id, _)| *id == passkey.credential_id)
    }

    fn rename_problem(&self) -> &str {
        self.rename.as_ref().map_or("", |(_, problem)| problem)
    }
}

/// The page.
///
/// # Errors
/// Nobody is signed in; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    party(&visit)?;
    let visitor = visit.member(Goal::Security).await?;
    page(&visit, &visitor, Problem::Nothing).await
}

/// Whoever loads the address of a form again.
///
/// # Errors
/// A page, where passkeys are not offered.
pub async fn back(visit: Visit) -> Result<HttpResponse, Instead> {
    party(&visit)?;
    Ok(see_other(&visit.here(PAGE)))
}

/// Begins the making of a new one.
///
/// # Errors
/// Nobody has signed in recently; a form that is not ours; the database's.
pub async fn options(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let party = party(&visit)?;
    let (visitor, recently) = visit.recent(Goal::Security).await?;
    visitor.check_csrf(&visit, PAGE, sent.text("csrf"))?;
    if let Err(error) = Name::parse(sent.text("name")) {
        return Ok(refused(&visit, &error));
    }
    let user = recently.signed_in().user();
    let known = visit.app.storage.read(|conn| rows::list_of_user(conn, &user.id)).await;
    let known = known.map_err(|error| visit.failed(error))?;
    let begun = party.creation(user, &known).map_err(|error| visit.failed(error))?;
    let purpose = Purpose::another(recently.signed_in());
    Ok(begin(&visit, &sent, (purpose, Goal::Security), begun).await?)
}

/// Adds it.
///
/// # Errors
/// Nobody has signed in recently; a form that is not ours; a ceremony that is over; the database's.
pub async fn add(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let party = party(&visit)?;
    let (visitor, recently) = visit.recent(Goal::Security).await?;
    visitor.check_csrf(&visit, PAGE, sent.text("csrf"))?;
    let ceremony = cookie(&visit, &sent)?;
    let answered = ceremony.id();
    let outcome = prove_and_add(&visit, &party, (ceremony, recently), &sent).await;
    let mut response = match checked(&visit, outcome)? {
        Ok(session) => changed(&visit, session),
        Err(why) => {
            let typed = sent.text("name").chars().take(passkeys::LONGEST_NAME).collect();
            page(&visit, &visitor, Problem::Page(why, typed)).await?
        }
    };
    cookies::untie(visit.side, &mut response, TokenKind::SignIn, answered);
    Ok(response)
}

/// Calls one something else.
///
/// # Errors
/// Nobody has signed in recently; a form that is not ours; no such passkey; the database's.
pub async fn rename(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    party(&visit)?;
    let (visitor, recently) = visit.recent(Goal::Security).await?;
    visitor.check_csrf(&visit, RENAME, sent.text("csrf"))?;
    let (id, now) = (sent.text("passkey").to_owned(), visit.app.clock.now());
    let name = match checked(&visit, Name::parse(sent.text("name")).map_err(Error::from))? {
        Ok(name) => name,
        Err(why) => return page(&visit, &visitor, Problem::Rename(id, why)).await,
    };
    let rename = move |conn: &mut _| passkeys::rename(conn, &recently, &id, &name, now);
    let session = visit.write_surely(rename).await?;
    Ok(changed(&visit, session.ok_or_else(|| unknown(&visit))?))
}

/// Forgets one.
///
/// # Errors
/// Nobody has signed in recently; a form that is not ours; no such passkey; the database's.
pub async fn remove(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    party(&visit)?;
    let (visitor, recently) = visit.recent(Goal::Security).await?;
    visitor.check_csrf(&visit, REMOVE, sent.text("csrf"))?;
    let (id, now) = (sent.text("passkey").to_owned(), visit.app.clock.now());
    let on = WaysOn::of(&visit.app.config);
    let remove = move |conn: &mut _| passkeys::remove(conn, &recently, &id, &on, now);
    match checked(&visit, visit.write_to_the_end(remove).await)? {
        Ok(Some(session)) => Ok(changed(&visit, session)),
        Ok(None) => Err(unknown(&visit)),
        Err(why) => page(&visit, &visitor, Problem::Page(why, String::new())).await,
    }
}

/// Turns the switch.
///
/// # Errors
/// Nobody has signed in recently; a form that is not ours; the database's.
pub async fn set_required(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    party(&visit)?;
    let (visitor, recently) = visit.recent(Goal::Security).await?;
    visitor.check_csrf(&visit, REQUIRED, sent.text("csrf"))?;
    let required = match sent.text("required") {
        "yes" => true,
        "no" => false,
        _ => return Err(visit.stale_form().into()),
    };
    let (on, now) = (WaysOn::of(&visit.app.config), visit.app.clock.now());
    let turn = move |conn: &mut _| passkeys::set_required(conn, &recently, required, &on, now);
    match checked(&visit, visit.write_to_the_end(turn).await)? {
        Ok(session) => Ok(changed(&visit, session)),
        Err(why) => page(&visit, &visitor, Problem::Page(why, String::new())).await,
    }
}

async fn prove_and_add(
    visit: &Visit,
    party: &RelyingParty,
    (ceremony, recently): (TokenSecret, Recently),
    sent: &PageForm,
) -> Result<TokenSecret, Error> {
    let name = Name::parse(sent.text("name"))?;
    let (purpose, now) = (Purpose::another(recently.signed_in()), visit.app.clock.now());
    let take = move |conn: &mut _| pending::take(conn, &ceremony, &purpose, now);
    let (state, _) = visit.write_to_the_end(take).await?;
    let user = &recently.signed_in().user().id;
    let proved = party.created(user, &state, sent.text("credential"))?;
    let add = move |conn: &mut _| passkeys::add(conn, &recently, &proved, &name, now);
    visit.write_to_the_end(add).await
}

/// Back to the page, with the session's new id.
fn changed(visit: &Visit, session: TokenSecret) -> HttpResponse {
    let config = &visit.app.config;
    let mut response = see_other(&visit.here(PAGE));
    cookies::set_session(visit.side, &mut response, session, config.lifetimes.session);
    response
}

/// The same for another person's passkey, and for one that nobody has.
fn unknown(visit: &Visit) -> Instead {
    let why = words!("There is no such passkey");
    let error = visit.failed(ErrorCode::InvalidRequest.because(why));
    error.with_status(StatusCode::NOT_FOUND).into()
}

async fn page(visit: &Visit, visitor: &Visitor, problem: Problem) -> Result<HttpResponse, Instead> {
    let user = visitor.signed_in.user();
    let known = visit.app.storage.read(|conn| rows::list_of_user(conn, &user.id)).await;
    let Some(offer) = Offer::of(visit, visitor.csrf(PAGE)) else {
        return Err(visit.stale_form().into());
    };
    let status = match problem {
        Problem::Nothing => StatusCode::OK,
        Problem::Page(..) | Problem::Rename(..) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let ((said, name), rename) = match problem {
        Problem::Nothing => ((None, String::new()), None),
        Problem::Page(why, name) => ((Some(why), name), None),
        Problem::Rename(id, why) => ((None, String::new()), Some((id, why))),
    };
    let csrf = Csrf {
        add: visitor.csrf(PAGE),
        rename: visitor.csrf(RENAME),
        remove: visitor.csrf(REMOVE),
        required: visitor.csrf(REQUIRED),
    };
    let page = Passkeys {
        frame: visit.frame_for(visitor, "/account/security"),
        passkeys: known.map_err(|error| visit.failed(error))?,
        host: party(visit)?.id().to_owned(),
        recent: visitor.signed_in.recently(visit.app.clock.now()).is_some(),
        required: user.passkey_required,
        name,
        passkey: Offer { problem: said, ..offer },
        csrf,
        rename,
    };
    Ok(render(status, &page, ContentPolicy::Scripted))
}
