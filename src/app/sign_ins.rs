//! Wrong passwords, bounded for each network and each account, without locking the owner out.
//!
//! Every attempt counts for its network; one over IPv6 also for the /48 that one site has, which is
//! 65,536 networks. Networks that have never signed in to an account share its attempts; once they
//! are used up, one that has not tried yet has one, and all of those together have as many again.
//!
//! A network from which the account was signed in to before shares nothing with strangers: only its
//! own attempts count, so that an account under attack stays open to its owner. Those networks are
//! remembered in memory, and after a restart read from the record of events.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::Network;
use super::limiter::Limiter;
use crate::clock::Seconds;
use crate::config::Limits;

/// How long an attempt counts.
pub(super) const QUARTER: Seconds = Seconds(15 * 60);
/// So many times what one network may try is for a /48: some providers give each telephone a /64.
const NETWORKS_OF_SITE: u32 = 4;
/// The most pairs of account and network that are remembered. The older half makes room.
const MOST_KNOWN: usize = 10_000;

/// What everybody has tried.
pub struct SignIns {
    of_network: Limiter<Network>,
    of_site: Limiter<Network>,
    /// From networks that have never signed in to the account.
    of_account: Limiter<String>,
    /// When those are used up: the first ones of other such networks.
    first_of_account: Limiter<String>,
    of_pair: Limiter<(String, Network)>,
    /// Lock-outs that are worth a line in the record: one of an account.
    lock_outs: Limiter<String>,
    known: Mutex<Known>,
}

/// Pairs in which somebody has signed in, each with the number of its last time.
#[derive(Default)]
struct Known {
    last: usize,
    pairs: HashMap<(String, Network), usize>,
}

/// One attempt, which counts as a wrong one until it is taken back.
#[derive(Debug)]
pub struct Attempt {
    pair: (String, Network),
    site: Option<Network>,
    share: Share,
}

/// Of whose attempts it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    /// Of its network's alone.
    Own,
    /// Of the account's.
    Account,
    /// Of the first ones of other networks.
    First,
}

impl SignIns {
    pub(super) fn new(limits: &Limits) -> Self {
        let of_site = limits.sign_in_per_address.saturating_mul(NETWORKS_OF_SITE);
        Self {
            of_network: Limiter::new(limits.sign_in_per_address, QUARTER),
            of_site: Limiter::new(of_site, QUARTER),
            of_account: Limiter::new(limits.sign_in_per_account, QUARTER),
            first_of_account: Limiter::new(limits.sign_in_per_account, QUARTER),
            of_pair: Limiter::new(limits.sign_in_per_account, QUARTER),
            lock_outs: Limiter::new(1, QUARTER),
            known: Mutex::default(),
        }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// How long to wait.
    pub fn begin(&self, account: &str, address: IpAddr, now: i64) -> Result<Attempt, Seconds> {
        let (network, site) = (Network::from(address), Network::site(address));
        let pair = (account.to_owned(), network);
        self.of_network.check(&network, now)?;
        site.map_or(Ok(()), |site| self.of_site.check(&site, now))?;
        self.of_pair.check(&pair, now)?;
        let share = self.share(&pair, now)?;
        self.of_network.take(&network, now)?;
        site.map_or(Ok(()), |site| self.of_site.take(&site, now))?;
        self.of_pair.take(&pair, now)?;
        Ok(Attempt { pair, site, share })
    }

    /// The password was right: the attempt does not count, and its network is known.
    pub fn succeeded(&self, attempt: &Attempt) {
        self.take_back(attempt);
        self.remember(&attempt.pair.0, attempt.pair.1);
    }

    /// Nobody has looked at the password.
    pub fn take_back(&self, attempt: &Attempt) {
        self.of_network.give_back(&attempt.pair.1);
        attempt.site.inspect(|site| self.of_site.give_back(site));
        self.of_pair.give_back(&attempt.pair);
        match attempt.share {
            Share::Own => {}
            Share::Account => self.of_account.give_back(&attempt.pair.0),
            Share::First => self.first_of_account.give_back(&attempt.pair.0),
        }
    }

    /// The account was signed in to from this network.
    pub fn remember(&self, account: &str, network: Network) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.last += 1;
        let last = known.last;
        known.pairs.insert((account.to_owned(), network), last);
        if known.pairs.len() > MOST_KNOWN {
            known.pairs.retain(|_, time| *time > last - MOST_KNOWN / 2);
        }
    }

    /// Whether the attempts of this account are used up for whoever comes from `address`, and nobody
    /// has been told so in the last quarter of an hour.
    pub fn is_newly_locked_out(&self, account: &str, address: IpAddr, now: i64) -> bool {
        let pair = (account.to_owned(), Network::from(address));
        let used_up = self.of_pair.check(&pair, now).is_err()
            || (!self.is_known(&pair) && self.of_account.check(&pair.0, now).is_err());
        used_up && self.lock_outs.take(&pair.0, now).is_ok()
    }

    fn is_known(&self, pair: &(String, Network)) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.pairs.contains_key(pair)
    }

    fn share(&self, pair: &(String, Network), now: i64) -> Result<Share, Seconds> {
        if self.is_known(pair) {
            return Ok(Share::Own);
        }
        match self.of_account.take(&pair.0, now) {
            Ok(()) => Ok(Share::Account),
            Err(wait) if !self.of_pair.is_untouched(pair, now) => Err(wait),
            Err(_) => self.first_of_account.take(&pair.0, now).map(|()| Share::First),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_ins() -> SignIns {
        let sources = crate::config::Sources::gather(&[], None, []).unwrap();
        SignIns::new(&crate::config::Config::from_sources(&sources).unwrap().limits)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn strangers_share_the_attempts_of_an_account_and_its_owner_has_his_own() {
        let sign_ins = sign_ins();
        let home = address("198.51.100.7");
        sign_ins.succeeded(&sign_ins.begin("ada", home, 0).unwrap());
        let guesses = (0..1000_u32).filter(|n| {
            let stranger = IpAddr::from((0xc000_0000 + n).to_be_bytes());
            sign_ins.begin("ada", stranger, 0).is_ok()
        });
        assert_eq!(guesses.count(), 20, "ten, and ten of networks that have not tried yet");
        assert!(sign_ins.begin("bob", address("192.0.3.255"), 0).is_ok(), "another account");
        for _ in 0..10 {
            sign_ins.begin("ada", home, 0).unwrap();
        }
        assert!(sign_ins.begin("ada", home, 0).is_err(), "its own attempts count");
    }

    #[test]
    fn a_lock_out_is_told_once_in_a_quarter_of_an_hour() {
        let sign_ins = sign_ins();
        let (home, stranger) = (address("198.51.100.7"), address("192.0.2.1"));
        sign_ins.succeeded(&sign_ins.begin("ada", home, 0).unwrap());
        for _ in 0..10 {
            assert!(!sign_ins.is_newly_locked_out("ada", stranger, 0), "not yet");
            sign_ins.begin("ada", stranger, 0).unwrap();
        }
        assert!(!sign_ins.is_newly_locked_out("ada", home, 0), "not from here");
        assert!(sign_ins.is_newly_locked_out("ada", stranger, 0));
        assert!(!sign_ins.is_newly_locked_out("ada", address("192.0.2.2"), 0), "it has been told");
        let later = 15 * 60 * 1000;
        assert!(!sign_ins.is_newly_locked_out("ada", stranger, later), "it is over");
        for _ in 0..10 {
            sign_ins.begin("ada", stranger, later).unwrap();
        }
        assert!(sign_ins.is_newly_locked_out("ada", stranger, later), "again");
    }

    #[test]
    fn what_is_taken_back_does_not_count() {
        let sign_ins = sign_ins();
        for _ in 0..100 {
            sign_ins.take_back(&sign_ins.begin("ada", address("192.0.2.1"), 0).unwrap());
        }
        let guess = sign_ins.begin("ada", address("192.0.2.1"), 0).unwrap();
        assert_eq!(guess.share, Share::Account, "and the network is not known");
    }

    #[test]
    fn a_site_is_counted_as_a_whole() {
        let sign_ins = sign_ins();
        let attempt = |site: u16, network: u16, n: u16| {
            let address = IpAddr::from([0x2001, 0xdb8, site, network, 0, 0, 0, 1]);
            sign_ins.begin(&format!("user{site}-{network}-{n}"), address, 0)
        };
        let tried = (0..1000).filter(|n| attempt(1, n % 500, *n).is_ok()).count();
        assert_eq!(tried, 120, "four times thirty");
        assert!(attempt(2, 0, 0).is_ok(), "another site");
    }

    #[test]
    fn the_oldest_known_networks_make_room() {
        let sign_ins = sign_ins();
        for n in 0..=u32::try_from(MOST_KNOWN).unwrap() {
            sign_ins.remember("ada", IpAddr::from(n.to_be_bytes()).into());
        }
        let is_known = |n: usize| {
            let network = IpAddr::from(u32::try_from(n).unwrap().to_be_bytes()).into();
            sign_ins.known.lock().unwrap().pairs.contains_key(&("ada".to_owned(), network))
        };
        assert!(is_known(MOST_KNOWN) && is_known(MOST_KNOWN / 2 + 2) && !is_known(0));
    }
}
