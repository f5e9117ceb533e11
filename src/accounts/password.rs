//! Passwords: argon2id, as many at once as there are cores.

use std::fmt;
use std::sync::Arc;
use std::thread;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Params, Version};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Semaphore, oneshot};

use super::argon2id::{self, Memory};
use super::{Username, commonest};
use crate::error::Error;
use crate::oauth::{ErrorCode, OAuthError};
use crate::storage::StorageError;

/// NIST SP 800-63B section 5.1.1: length counts, composition does not.
const SHORTEST: usize = 8;
/// What argon2 is asked to chew, in bytes.
const LONGEST: usize = 1024;

/// How many may wait.
const MOST_WAITING: usize = 64;
/// How far behind all others they are hashed: nice(2), per thread on Linux.
const LESS_URGENT: i32 = 10;

/// A password that may be set.
#[derive(Debug)]
pub struct NewPassword(SecretString);

impl NewPassword {
    /// # Errors
    /// `invalid_request`, in words for the person.
    pub fn parse(text: SecretString, username: &Username) -> Result<Self, OAuthError> {
        let refuse = |why: &'static str| Err(ErrorCode::InvalidRequest.because(why));
        let plain = text.expose_secret();
        if plain.chars().count() < SHORTEST {
            return refuse("A password has at least 8 characters");
        }
        if plain.len() > LONGEST {
            return refuse("This password is longer than 1024 bytes");
        }
        let lower = plain.to_lowercase();
        if lower == username.as_str() || commonest::has(&lower) {
            return refuse("This password is one of the first that anybody would try");
        }
        Ok(Self(text))
    }
}

/// argon2id of a password, as a PHC string.
#[derive(Clone)]
pub struct Hashed(String);

impl Hashed {
    /// For the database.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashed(..)")
    }
}

/// Where passwords are hashed: on threads of their own, bounded, and behind all others, so that a flood of
/// sign-ins starves nothing else.
pub struct Passwords {
    /// For who is served, and who waits to be.
    places: Arc<Semaphore>,
    permits: Arc<Semaphore>,
    memory: Arc<Memory>,
    /// What is verified when there is no such user, so that it takes as long.
    nobody: Hashed,
}

impl Passwords {
    /// With room for `at_once` hashes, and for 64 that wait: a person who would wait for longer, a
    /// second or two, is told to come back.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn new(at_once: usize) -> Result<Self, Error> {
        Ok(Self {
            places: Arc::new(Semaphore::new(at_once + MOST_WAITING)),
            permits: Arc::new(Semaphore::new(at_once)),
            memory: Arc::default(),
            nobody: Hashed(argon2id::nobodys().ok_or_else(failed)?),
        })
    }

    /// Hashes a new password. About 20 ms of one core.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when too many are waiting; when the hash cannot be made.
    pub async fn hash(&self, password: NewPassword) -> Result<Hashed, Error> {
        let hash = move |memory: &Memory| memory.hash(password.0.expose_secret().as_bytes());
        self.in_turn(hash).await?.map(Hashed).ok_or_else(failed)
    }

    /// Hashes a password that is set already, for it cost less to guess when it was.
    ///
    /// # Errors
    /// As [`Passwords::hash`].
    pub async fn hash_anew(&self, password: SecretString) -> Result<Hashed, Error> {
        self.hash(NewPassword(password)).await
    }

    /// Whether it is the password of that hash; `None` is nobody's, and takes as long to refuse.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when too many are waiting; when it cannot be found out.
    pub async fn verify(
        &self,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<bool, Error> {
        if password.expose_secret().len() > LONGEST {
            return Ok(false);
        }
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.0.clone());
        let matches =
            move |memory: &Memory| memory.verify(password.expose_secret().as_bytes(), &stored);
        Ok(self.in_turn(matches).await? && known)
    }

    /// Does it when there is room. The place is kept until it is done, also if nobody waits for it any more.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Memory) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| busy())?;
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| failed())?;
        let memory = self.memory.clone();
        let (tell, told) = oneshot::channel();
        let work = move || {
            let _held = (place, permit);
            // Tokens are asked about on every request, and somebody signs in once. Where that is not
            // allowed it is as urgent as the rest.
            let _allowed = rustix::process::nice(LESS_URGENT);
            let _waited_for = tell.send(work(&memory));
        };
        thread::Builder::new().name("password".to_owned()).spawn(work).map_err(|_| failed())?;
        told.await.map_err(|_| failed())
    }
}

/// Whether a stored hash costs less to try than one that is made now.
#[must_use]
pub fn is_outgrown(stored: &str) -> bool {
    let Ok(hash) = PasswordHash::new(stored) else { return true };
    let Ok(params) = Params::try_from(&hash) else { return true };
    let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
    hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
        || hash.version != Some(Version::V0x13.into())
        || work(&params) < work(&Params::DEFAULT)
}

fn busy() -> Error {
    StorageError::Unavailable("too many passwords are waiting to be looked at".to_owned()).into()
}

fn failed() -> Error {
    StorageError::Query("a password could not be hashed".to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_and_the_commonest_are_refused() {
        let username = Username::parse("administrata").unwrap();
        for text in
            ["short", "1234567", "password", "PASSWORD123", "Administrata", &"x".repeat(1025)]
        {
            assert!(NewPassword::parse(text.into(), &username).is_err(), "{text}");
        }
        for text in
            ["correct horse", "        ", "\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}"]
        {
            assert!(NewPassword::parse(text.into(), &username).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_hash_is_outgrown_when_it_costs_less_than_ours() {
        let of = |how: &str| {
            let (salt, hash) =
                ("c29tZXNhbHQxMjM0NTY", "rHQ1OmoqDCnJrgcJJwjz6ZEvGJTEBYz0kIUTGy7j3Qk");
            is_outgrown(&format!("{how}${salt}${hash}"))
        };
        for weaker in [
            "$argon2id$v=19$m=4096,t=3,p=1",
            "$argon2id$v=19$m=19456,t=1,p=1",
            "$argon2i$v=19$m=19456,t=2,p=1",
            "$argon2id$v=16$m=19456,t=2,p=1",
        ] {
            assert!(of(weaker), "{weaker}");
        }
        for good in ["$argon2id$v=19$m=19456,t=2,p=1", "$argon2id$v=19$m=65536,t=3,p=4"] {
            assert!(!of(good), "{good}");
        }
        assert!(!is_outgrown(&Memory::default().hash(b"some password").unwrap()));
        assert!(is_outgrown("none"));
    }

    #[tokio::test]
    async fn who_would_wait_for_long_is_told_to_come_back() {
        let passwords = Passwords::new(1).unwrap();
        let held = passwords.permits.acquire().await.unwrap();
        let verify = || Box::pin(passwords.verify("a guess".into(), None));
        let mut waiting: Vec<_> = (0..=MOST_WAITING).map(|_| verify()).collect();
        for guess in &mut waiting {
            let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(guess.as_mut().poll(cx)));
            assert!(polled.await.is_pending());
        }
        let refused = verify().await;
        let unavailable = |error| matches!(error, Error::Failed(StorageError::Unavailable(_)));
        assert!(unavailable(refused.unwrap_err()));
        drop((held, waiting));
        assert!(!verify().await.unwrap(), "there is room again");
    }

    #[tokio::test]
    async fn who_goes_away_keeps_the_place_until_the_work_is_done() {
        let passwords = Passwords::new(1).unwrap();
        let mut gone = Box::pin(passwords.verify("a guess".into(), None));
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(gone.as_mut().poll(cx)));
        assert!(polled.await.is_pending());
        drop(gone);
        assert_eq!(passwords.permits.available_permits(), 0);
        assert!(!passwords.verify("another guess".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn only_the_password_itself_verifies() {
        let passwords = Passwords::new(1).unwrap();
        let username = Username::parse("ada").unwrap();
        let new = NewPassword::parse("correct horse".into(), &username).unwrap();
        let stored = Some(passwords.hash(new).await.unwrap().as_str().to_owned());
        assert!(stored.as_deref().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify("correct horse".into(), stored.clone()).await.unwrap());
        assert!(!passwords.verify("Correct horse".into(), stored).await.unwrap());
        assert!(!passwords.verify("correct horse".into(), None).await.unwrap());
    }

    #[test]
    fn nobody_s_hash_costs_what_everybody_s_does() {
        let somebody_s = Memory::default().hash(b"some password").unwrap();
        let (nobody_s, again) = (argon2id::nobodys().unwrap(), argon2id::nobodys().unwrap());
        let cost = |hashed: &str| {
            let parsed = PasswordHash::new(hashed).unwrap();
            let lengths = (parsed.salt.unwrap().len(), parsed.hash.unwrap().len());
            (parsed.algorithm.to_string(), parsed.version, parsed.params.to_string(), lengths)
        };
        assert_eq!(cost(&nobody_s), cost(&somebody_s));
        assert_ne!(nobody_s, again);
    }
}
