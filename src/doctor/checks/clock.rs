//! Whether all clocks agree: codes live for minutes, and certificates until a date.

use std::time::UNIX_EPOCH;

use super::challenge::mcp::{self, Ask};
use crate::app::fetcher::FetchError;
use crate::clock::{Seconds, UnixTime};
use crate::config::reachable;
use crate::doctor::asking::{Answer, Asker};
use crate::doctor::{Finding, Patient};

const CHECK: &str = "clock";
/// More than a slow network makes of it.
const NOTICED: Seconds = Seconds(30);
/// Half the shortest lifetime that is in use.
const TOO_MUCH: Seconds = Seconds(300);

pub(super) async fn look(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let config = patient.config;
    let address = reachable(config.internal_listen.unwrap_or(config.listen));
    let alive = format!("http://{address}/livez");
    // An error is kept by no cache, which would tell the time of yesterday.
    let issuer = &config.issuer;
    let unkept = format!("{}/.well-known/openid-configuration{}", issuer.origin(), issuer.path());
    let (service, at_issuer, resource) = tokio::join!(
        asker.get(&alive),
        asker.get(&unkept),
        mcp::ask(asker, patient.resource.as_str(), Ask::Initialize, None),
    );
    let said: Vec<_> = [
        ("the service", service),
        (config.issuer.as_str(), at_issuer),
        (patient.resource.as_str(), resource),
    ]
    .into_iter()
    .filter_map(|(who, answer)| Some((who, ahead(answer)?)))
    .collect();
    vec![judge(&said)]
}

/// By how much whoever answered is ahead of this machine: RFC 9110 section 6.6.1.
fn ahead(answer: Result<Answer, FetchError>) -> Option<Seconds> {
    let answer = answer.ok()?;
    let date = httpdate::parse_http_date(answer.header("date")?).ok()?;
    let said = date.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let kept: i64 = answer.header("age").and_then(|age| age.parse().ok()).unwrap_or(0);
    Some(UnixTime(i64::try_from(said).ok()?) + Seconds(kept) - answer.at)
}

fn judge(said: &[(&str, Seconds)]) -> Finding {
    let Some((who, most)) = said.iter().max_by_key(|(_, ahead)| ahead.0.saturating_abs()) else {
        let says = "nobody told the time (no Date in any answer)";
        return Finding::unknown(CHECK, says, "look at the clocks yourself: date -u, timedatectl");
    };
    let off = Seconds(most.0.saturating_abs());
    let way = if most.0 < 0 { "behind" } else { "ahead of" };
    let says = format!("{who} is {} s {way} this machine", off.0);
    let mend = "set both clocks by NTP (timedatectl set-ntp true)";
    if off > TOO_MUCH {
        Finding::wrong(CHECK, says, mend)
    } else if off > NOTICED {
        Finding::doubtful(CHECK, says, mend)
    } else {
        Finding::fine(CHECK, format!("all clocks agree within {} s", off.0.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn the_clock_that_is_off_most_is_named() {
        for (offs, verdict) in [
            (&[0, 1, -2][..], Verdict::Fine),
            (&[0, -31], Verdict::Doubtful),
            (&[301, -31], Verdict::Wrong),
            (&[i64::MIN], Verdict::Wrong),
            (&[], Verdict::Unknown),
        ] {
            let said: Vec<_> = offs.iter().map(|off| ("h.example", Seconds(*off))).collect();
            assert_eq!(judge(&said).verdict, verdict, "{offs:?}");
        }
        assert!(judge(&[("a", Seconds(0)), ("b", Seconds(-60))]).says.contains("b is 60 s behind"));
    }

    #[test]
    fn what_a_cache_has_kept_is_older_by_its_age() {
        let date = ("date", "Fri, 15 Jan 2027 07:55:00 GMT");
        let answer = |headers: &[(&'static str, &str)]| Ok(Answer::made(200, headers, ""));
        assert_eq!(ahead(answer(&[date])), Some(Seconds(-300)));
        assert_eq!(ahead(answer(&[date, ("age", "290")])), Some(Seconds(-10)));
        assert_eq!(ahead(answer(&[])), None);
    }
}
