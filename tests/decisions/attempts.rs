//! Which story a step belongs to, who makes room for whom, and what is said without a server.

use std::net::IpAddr;

use mcp_oauthd::attempts::collector::Counted;
use mcp_oauthd::attempts::{DOCTOR, Origin, Sighting, State, Subject, Told, correlation};
use mcp_oauthd::clock::UnixTime;
use mcp_oauthd::config::{Config, Sources};
use mcp_oauthd::oauth::{ClientId, ErrorCode, TokenId};
use mcp_oauthd::storage::StorageError;
use mcp_oauthd::storage::attempts::{self, Attempt, Stage};
use mcp_oauthd::storage::authorization_requests;
use mcp_oauthd::sweeper;

use crate::fixture::{DAY, Fixture};

const HOME: &str = "192.0.2.1";
const CLOUD: &str = "198.51.100.1";

fn seen(from: &str, agent: &str, stage: Stage) -> Sighting {
    Sighting::new(Origin::new(from.parse::<IpAddr>().unwrap(), agent), stage)
}

impl Fixture {
    async fn see(&self, sightings: Vec<Sighting>) {
        self.see_within(sightings, 1000).await;
    }

    async fn see_within(&self, sightings: Vec<Sighting>, limit: i64) {
        let now = self.clock.now();
        let count = |sighting| Counted { sighting, first: now, last: now, times: 1 };
        let batch: Vec<Counted> = sightings.into_iter().map(count).collect();
        self.write(move |conn, _| correlation::record(conn, &batch, limit)).await;
    }

    async fn stories(&self) -> Vec<Attempt> {
        self.read(|conn| attempts::list(conn, None, i64::MAX, 10_000)).await
    }

    async fn told(&self) -> Vec<Told> {
        let now = self.clock.now();
        let all = self.stories().await;
        self.read(move |conn| {
            all.into_iter()
                .map(|one| Told::of(conn, one, now))
                .collect::<Result<Vec<_>, StorageError>>()
        })
        .await
    }

    /// A pending request of the client; its key.
    async fn pending(&self) -> TokenId {
        let asked = self.asked(&self.client);
        self.write(move |conn, now| authorization_requests::insert(conn, &asked, now, now + DAY))
            .await
            .id()
    }
}

fn stages(attempt: &Attempt) -> Vec<Stage> {
    attempt.story.steps().iter().map(|step| step.stage).collect()
}

#[tokio::test]
async fn a_client_in_the_cloud_and_a_browser_at_home_are_one_story() {
    let fixture = Fixture::new().await;
    let named = || Subject::client(&fixture.client.client_id);
    fixture
        .see(vec![
            seen(CLOUD, "cloud/1", Stage::ServerMetadata),
            seen(CLOUD, "cloud/1", Stage::Registered).of(named()),
        ])
        .await;
    let request = fixture.pending().await;
    let asked = || seen(HOME, "Firefox", Stage::Asked).of(Subject::request(request));
    fixture.see(vec![asked()]).await;
    let shown = seen(HOME, "Firefox", Stage::ConsentShown).of(Subject::request(request));
    fixture.see(vec![shown]).await;
    let all = fixture.stories().await;
    assert_eq!(all.len(), 1, "{all:?}");
    let expected = [Stage::ServerMetadata, Stage::Registered, Stage::Asked, Stage::ConsentShown];
    assert_eq!(stages(&all[0]), expected);
    assert_eq!((all[0].agent.as_str(), all[0].known), ("cloud/1", true));
    assert_eq!(all[0].resource.as_ref(), Some(&fixture.resource.uri));
}

#[tokio::test]
async fn a_browser_is_the_one_of_the_program_beside_it_that_has_a_name_from_before() {
    let fixture = Fixture::new().await;
    fixture.see(vec![seen(HOME, "cli/1", Stage::ServerMetadata)]).await;
    let request = fixture.pending().await;
    fixture.see(vec![seen(HOME, "Firefox", Stage::Asked).of(Subject::request(request))]).await;
    let all = fixture.stories().await;
    assert_eq!(stages(&all[0]), [Stage::ServerMetadata, Stage::Asked]);
    assert_eq!((all.len(), all[0].client_id.as_ref()), (1, Some(&fixture.client.client_id)));
}

#[tokio::test]
async fn a_look_by_doctor_is_not_taken_for_the_app_whose_browser_comes() {
    let fixture = Fixture::new().await;
    fixture.see(vec![seen(HOME, "cli/1", Stage::ServerMetadata)]).await;
    fixture.see(vec![seen(HOME, DOCTOR, Stage::ServerMetadata)]).await;
    let request = fixture.pending().await;
    fixture.see(vec![seen(HOME, "Firefox", Stage::Asked).of(Subject::request(request))]).await;
    let refused = seen(HOME, DOCTOR, Stage::AskRefused);
    fixture.see(vec![refused.of(Subject::client(&fixture.client.client_id))]).await;
    let all = fixture.stories().await;
    assert_eq!(all.len(), 2, "{all:#?}");
    assert_eq!(stages(&all[0]), [Stage::ServerMetadata, Stage::AskRefused]);
    assert_eq!(stages(&all[1]), [Stage::ServerMetadata, Stage::Asked]);
}

#[tokio::test]
async fn nobody_writes_into_the_story_of_somebody_else() {
    let fixture = Fixture::new().await;
    let id = fixture.client.client_id.clone();
    let request = fixture.pending().await;
    fixture.see(vec![seen(HOME, "Firefox", Stage::Asked).of(Subject::request(request))]).await;
    let shown = seen(HOME, "Firefox", Stage::ConsentShown).of(Subject::request(request));
    fixture.see(vec![shown]).await;
    let before = stages(&fixture.stories().await[0]);
    let why = ErrorCode::InvalidGrant.because("the code is unknown");
    for sighting in [
        seen(CLOUD, "Firefox", Stage::TokenRefused).of(Subject::client(&id)).because(&why),
        seen(CLOUD, "Firefox", Stage::AskRefused).of(Subject::client(&id)).because(&why),
        seen(CLOUD, "Firefox", Stage::Challenged),
        seen(HOME, "other", Stage::ServerMetadata),
    ] {
        fixture.see(vec![sighting]).await;
    }
    let all = fixture.stories().await;
    assert_eq!(stages(all.last().unwrap()), before, "{all:#?}");
    assert!(all[..all.len() - 1].iter().all(|other| !other.known && other.user_id.is_none()));
}

#[tokio::test]
async fn whoever_only_looks_again_and_again_is_one_story_a_day() {
    let fixture = Fixture::new().await;
    for _ in 0..30 {
        fixture.see(vec![seen(HOME, "probe", Stage::ServerMetadata)]).await;
        fixture.clock.advance(mcp_oauthd::clock::Seconds(3600));
    }
    let all = fixture.stories().await;
    assert_eq!((all.len(), all[0].story.steps()[0].times), (1, 30));
    fixture.clock.advance(DAY);
    fixture.see(vec![seen(HOME, "probe", Stage::ServerMetadata)]).await;
    assert_eq!(fixture.stories().await.len(), 2);
}

#[tokio::test]
async fn strangers_make_room_for_strangers_and_a_network_for_itself() {
    let fixture = Fixture::new().await;
    let request = fixture.pending().await;
    let shown = seen(HOME, "Firefox", Stage::ConsentShown).of(Subject::request(request));
    fixture.see_within(vec![shown], 160).await;
    fixture.see_within(vec![seen("203.0.113.1", "honest", Stage::ServerMetadata)], 160).await;
    for number in 0..200 {
        let one = seen(CLOUD, &number.to_string(), Stage::ServerMetadata);
        fixture.see_within(vec![one], 160).await;
    }
    let all = fixture.stories().await;
    let of = |name: &str| all.iter().filter(|one| one.network == name).count();
    assert_eq!((of(CLOUD), of("203.0.113.1"), of(HOME)), (10, 1, 1));
    for number in 0..255_u8 {
        let one = seen(&format!("203.0.113.{number}"), "x", Stage::ServerMetadata);
        fixture.see_within(vec![one], 160).await;
    }
    let all = fixture.stories().await;
    assert_eq!(all.iter().filter(|one| !one.known).count(), 80);
    assert_eq!(all.iter().filter(|one| one.known).count(), 1);
}

#[tokio::test]
async fn what_is_told_of_refusals_names_the_document_and_the_owner() {
    let fixture = Fixture::new().await;
    let id: ClientId = "https://app.example/client.json".parse().unwrap();
    let why = ErrorCode::InvalidClient.because("the document could not be had");
    let refused =
        seen(HOME, "Firefox", Stage::DocumentRefused).of(Subject::client(&id)).because(&why);
    fixture.see(vec![refused]).await;
    let told = fixture.told().await.remove(0);
    let cause = told.diagnosis.cause.to_string();
    assert!(cause.ends_with("invalid_client: the document could not be had"), "{cause}");
    assert!(told.diagnosis.mend.unwrap().contains("client document add"));

    let request = fixture.pending().await;
    let waiting = seen(CLOUD, "Firefox", Stage::Waiting).of(Subject::request(request));
    fixture.see(vec![waiting]).await;
    let told = fixture.told().await.remove(0);
    assert_eq!(told.diagnosis.state, State::Unfinished);
    assert!(told.diagnosis.mend.unwrap().contains("client approve"));
}

#[tokio::test]
async fn looks_that_lead_nowhere_say_where_they_ended() {
    let fixture = Fixture::new().await;
    for (stage, words) in [
        (Stage::Challenged, "never asked how to get one"),
        (Stage::ResourceMetadata, "never came here"),
        (Stage::ServerMetadata, "never registered"),
        (Stage::NothingThere, "where there is none: /.well-known/oauth-protected-resource/x"),
        (Stage::TokenNotGood, "not good there"),
    ] {
        let about = "/.well-known/oauth-protected-resource/x";
        fixture.see(vec![seen(HOME, &format!("{stage:?}"), stage).about(about)]).await;
        let cause = fixture.told().await.remove(0).diagnosis.cause.to_string();
        assert!(cause.contains(words), "{stage:?}: {cause}");
    }
}

#[tokio::test]
async fn a_story_goes_when_its_last_step_is_old() {
    let fixture = Fixture::new().await;
    let config = Config::from_sources(&Sources::gather(&[], None, []).unwrap()).unwrap();
    let sweep = async |now: UnixTime| {
        sweeper::sweep(&fixture.storage, &config.lifetimes, now).await.unwrap();
        fixture.stories().await.len()
    };
    fixture.see(vec![seen(HOME, "old", Stage::ServerMetadata)]).await;
    assert_eq!(sweep(fixture.clock.now() + config.lifetimes.attempt).await, 1, "not yet");
    fixture.clock.advance(config.lifetimes.attempt);
    fixture.see(vec![seen(HOME, "new", Stage::ServerMetadata)]).await;
    fixture.clock.advance(DAY);
    assert_eq!(sweep(fixture.clock.now()).await, 1);
    assert_eq!(fixture.stories().await[0].agent, "new");
}
