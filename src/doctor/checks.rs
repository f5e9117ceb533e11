//! What is looked at when no client in particular is asked about: a file for each subject. None
//! needs another's answer, so that one that fails hides none of the others.

mod authorization_server;
mod buffering;
mod challenge;
mod clock;
mod cross_origin;
mod database;
mod document;
mod endpoints;
mod introspection;
mod names;
mod network;
mod place;
mod port;
mod protected_resource;
mod reach;
mod settings;
mod tls;
mod token_header;
mod unencrypted;
mod user_agents;
mod variants;

use std::pin::Pin;
use std::time::Duration;

use super::asking::Asker;
use super::{Finding, Patient};

/// How long one subject may take, whoever does not answer.
const LONGEST: Duration = Duration::from_secs(90);

/// What one subject has to say, some time.
type Findings<'a> = Pin<Box<dyn Future<Output = Vec<Finding>> + 'a>>;

/// Everything, in the order in which a client would meet it. Nothing is registered or changed by
/// it: the service counts the refusals that it asks for, as it counts those of others, and tells them
/// in one story, which is called what it is.
pub async fn all(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let (names, (reach, silent)) = tokio::join!(names::look(patient), reach::look(patient));
    let silent = silent.into_iter().map(|place| (place.host, place.port)).collect();
    let asker = &asker.but_for(silent);
    let (tls, unencrypted, server, variants, resource) = tokio::join!(
        bounded("tls", tls::look(patient, asker)),
        bounded("port 80", unencrypted::look(patient, asker)),
        bounded("metadata", authorization_server::look(patient, asker)),
        bounded("variants", variants::look(patient, asker)),
        bounded("resource", protected_resource::look(patient, asker)),
    );
    let (challenge, token_header, cross_origin, endpoints, user_agents) = tokio::join!(
        bounded("challenge", challenge::look(patient, asker)),
        bounded("token header", token_header::look(patient, asker)),
        bounded("preflight", cross_origin::look(patient, asker)),
        bounded("endpoints", endpoints::look(patient, asker)),
        bounded("user agents", user_agents::look(patient, asker)),
    );
    let (buffering, clock, introspection, database) = tokio::join!(
        bounded("buffering", buffering::look(patient, asker)),
        bounded("clock", clock::look(patient, asker)),
        bounded("introspection", introspection::look(patient, asker)),
        bounded("database", database::look(patient)),
    );
    let (settings, port) = (settings::look(patient), port::look(patient));
    [settings, names, port, reach, tls, unencrypted]
        .into_iter()
        .chain([server, variants, resource, challenge, token_header, cross_origin, endpoints])
        .chain([user_agents, buffering, clock, introspection, database, network::look(patient)])
        .flatten()
        .collect()
}

fn bounded<'a>(check: &'static str, look: impl Future<Output = Vec<Finding>> + 'a) -> Findings<'a> {
    let too_long = move |_| {
        let says = format!("it took longer than {} s", LONGEST.as_secs());
        vec![Finding::unknown(check, says, "look again when less is going on")]
    };
    Box::pin(async move { tokio::time::timeout(LONGEST, look).await.unwrap_or_else(too_long) })
}
