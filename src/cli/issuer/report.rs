//! Whom a move to another URL concerns, and what the operator has to do, in order.

use super::{Failure, output};
use crate::config::Config;
use crate::moving::issuer::{Afterwards, Concerned, ConcernedClient, Move, PasskeyHolder};

/// What is planned, or done.
pub(super) fn show(
    planned: &Move,
    concerned: &Concerned,
    config: &Config,
    done: bool,
) -> Result<(), Failure> {
    let Move { from, to, until } = planned;
    output::line(&format!("{}: {from} -> {to}", if done { "moved" } else { "to be moved" }))?;
    output::line(&if planned.can_be_kept() {
        format!("{from} is answered for until {until}: its clients go on until they are led on")
    } else {
        format!("{from} is answered for no more: nothing tells requests to one from the other")
    })?;
    output::line("")?;
    clients(&concerned.clients)?;
    people(planned, &concerned.people_with_passkeys)?;
    output::line("")?;
    let steps = steps(planned, concerned, config, done);
    for (number, step) in (1..).zip(&steps) {
        output::line(&format!("{number}. {}", output::printable(step)))?;
    }
    if !done {
        output::hint("nothing is changed yet: --yes does it");
    }
    Ok(())
}

fn clients(all: &[ConcernedClient]) -> Result<(), Failure> {
    let row = |client: &ConcernedClient| {
        let used = client.last_used_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        [
            client.client_id.to_string(),
            client.name.clone(),
            client.origin.to_string(),
            used,
            client.live_logins.to_string(),
            in_words(client.afterwards).to_owned(),
        ]
    };
    let rows: Vec<_> = all.iter().filter(|client| client.live_logins > 0).map(row).collect();
    let head = ["CLIENT ID", "NAME", "ORIGIN", "LAST USED", "LIVE LOGINS", "AT THE NEW URL"];
    output::table(head, &rows)?;
    let others = all.len() - rows.len();
    if others > 0 {
        output::line(&format!("and {others} apps without a live login"))?;
    }
    Ok(())
}

fn in_words(afterwards: Afterwards) -> &'static str {
    match afterwards {
        Afterwards::RegistersAndSignsInAgain => "registers and signs in again",
        Afterwards::KeepsItsIdAndSignsInAgain => "keeps its id, signs in again",
        Afterwards::IsSetUpAgainByHand => "its operator writes the new issuer down",
    }
}

fn people(planned: &Move, all: &[PasskeyHolder]) -> Result<(), Failure> {
    if all.is_empty() {
        return Ok(());
    }
    output::line(&format!("{} people have passkeys, which work at the old host only", all.len()))?;
    let stuck: Vec<&str> = all
        .iter()
        .filter(|holder| !holder.has_another_way)
        .map(|holder| holder.username.as_str())
        .collect();
    if !stuck.is_empty() {
        output::line(&format!(
            "  no other way in, until they set one at {}: {}; else: mcp-oauthd user reset NAME, \
             user reset-second-factor NAME",
            planned.from.url("/account"),
            stuck.join(", ")
        ))?;
    }
    Ok(())
}

fn steps(planned: &Move, concerned: &Concerned, config: &Config, done: bool) -> Vec<String> {
    let Move { from, to, until } = planned;
    let mut steps = vec![format!(
        "let {} lead to {} too: name, certificate, and a proxy that hands on the Host as it came; \
         leave {} as it is",
        to.origin(),
        config.listen,
        from.origin()
    )];
    if !concerned.sign_in_callbacks.is_empty() {
        steps.push(format!(
            "where people sign in elsewhere, allow these callbacks beside the old ones: {}",
            concerned.sign_in_callbacks.join(" ")
        ));
    }
    if !done {
        steps.push(format!("mcp-oauthd issuer move {to} --yes"));
    }
    steps.push(format!("set MCP_OAUTH_ISSUER={to}, and restart the service"));
    let servers: Vec<&str> = concerned.mcp_servers.iter().map(|one| one.url.as_str()).collect();
    if !servers.is_empty() {
        steps.push(format!(
            "MCP servers ({}): where their metadata is not served here, name {to} in it as the \
             authorization server. That leads clients on, at their next sign-in or when they are \
             added anew; where it is served here, it names {to} from the restart on, and clients that \
             look it up again sign in again",
            servers.join(" ")
        ));
        steps.push(introspection(planned));
    }
    let staying: Vec<&str> = concerned
        .mcp_servers
        .iter()
        .filter(|server| server.on_former_host)
        .map(|server| server.url.as_str())
        .collect();
    let last = format!("after {until}: mcp-oauthd issuer forget {from}");
    steps.push(if staying.is_empty() {
        format!("{last}, and let the old name go")
    } else {
        format!("{last}; the old name stays, for {} is there", staying.join(" "))
    });
    steps
}

/// What MCP servers notice that ask about tokens.
fn introspection(planned: &Move) -> String {
    let Move { from, to, until } = planned;
    if from.path() == to.path() {
        return format!(
            "tokens that are asked about at {} are answered with iss={from} until {until}; at another \
             address, as on loopback, with iss={to} at once",
            from.url("/introspect")
        );
    }
    format!(
        "before {until}: let every MCP server ask about tokens at {}/introspect, on whatever host it does; \
         {}/introspect, which is answered with iss={from}, goes then",
        to.path(),
        from.path()
    )
}
