//! Whether what an MCP server says on a stream arrives as it is said. Without a token no stream can
//! be had, so this is not to be known; but whose setting it is can often be seen.

use super::challenge::mcp::{self, Ask};
use crate::doctor::asking::{Answer, Asker};
use crate::doctor::{Finding, Patient};

const CHECK: &str = "buffering";

pub(super) async fn look(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let url = patient.resource.as_str();
    if !asker.reaches(url) {
        return vec![];
    }
    let answer = mcp::ask(asker, url, Ask::Initialize, None).await;
    let says =
        format!("whether streams of {url} arrive as they are sent cannot be seen without a token");
    vec![Finding::unknown(CHECK, says, mend(answer.as_ref().ok()))]
}

/// For the proxy that signs the answer.
fn mend(answer: Option<&Answer>) -> &'static str {
    let signed = |name| answer.and_then(|answer| answer.header(name)).unwrap_or_default();
    let by = format!("{} {}", signed("server"), signed("via")).to_ascii_lowercase();
    if by.contains("nginx") || by.contains("openresty") {
        "nginx: proxy_buffering off; proxy_http_version 1.1; proxy_read_timeout 1h; at the MCP server"
    } else if by.contains("cloudflare") {
        "Cloudflare ends silent streams after 100 s: have the MCP server send pings, and the proxy \
         behind it not buffer (nginx: proxy_buffering off)"
    } else if by.contains("apache") {
        "Apache: ProxyPass … flushpackets=on, and no mod_deflate at the MCP server"
    } else if by.contains("caddy") {
        "Caddy passes event streams on by itself, unless encode or a plugin gathers them"
    } else {
        "if answers of tools come late, or all at once: nginx: proxy_buffering off; others: let \
         text/event-stream pass as it comes, uncompressed"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mend_is_for_the_proxy_that_is_there() {
        for (header, value, word) in [
            ("server", "nginx/1.22.1", "proxy_buffering off"),
            ("server", "cloudflare", "Cloudflare ends"),
            ("server", "Apache/2.4", "flushpackets"),
            ("via", "1.1 Caddy", "by itself"),
            ("server", "", "text/event-stream"),
        ] {
            let answer = Answer::made(401, &[(header, value)], "");
            assert!(mend(Some(&answer)).contains(word), "{value}");
        }
    }
}
