//! What the owner has just done, said on the page to which it has led. The address carries a word of
//! ours and a number, nothing else.

use actix_web::HttpResponse;

use crate::oauth::Parameters;
use crate::pages::Frame;
use crate::pages::language::Html;
use crate::pages::visit::{Visit, see_other};
use crate::words;

/// The word in the address, and the sentence. `{}` is how many connections have ended.
const SENTENCES: [(&str, &str); 25] = [
    ("saved", words!("Saved.")),
    ("limited", words!("Saved. Connections that have ended: {}")),
    ("resource-paused", words!("Paused. Nobody gets in until you resume it.")),
    ("resource-resumed", words!("Resumed. Whoever was connected is again.")),
    ("resource-removed", words!("The MCP server is removed. Connections that have ended: {}")),
    ("person-added", words!("This person may use the MCP server now.")),
    ("person-taken", words!("This person may not use the MCP server any more.")),
    ("role", words!("The role is changed.")),
    ("disabled", words!("Disabled. Connections that have ended: {}")),
    ("enabled", words!("Enabled. What has ended stays ended.")),
    ("factor", words!("The second factor is removed.")),
    ("ways", words!("The passkeys and linked accounts are forgotten.")),
    ("ended", words!("Done. Connections that have ended: {}")),
    ("removed", words!("Removed. Connections that have ended: {}")),
    ("grant-ended", words!("The connection has ended.")),
    ("grant-ended-before", words!("The connection had ended before.")),
    ("all-paused", words!("All access is paused. Every MCP server is told no from now on.")),
    ("all-paused-before", words!("All access was paused already.")),
    ("all-resumed", words!("Access is possible again.")),
    ("all-resumed-before", words!("Access was not paused.")),
    ("approved", words!("Approved. Whoever has waited for it can go on.")),
    ("refused", words!("Refused. Nobody can connect it.")),
    ("decided", words!("It was decided before. Look how it stands.")),
    ("changed", words!("It has changed since you looked. Look again before you approve it.")),
    ("all-ended", words!("Everybody is disconnected. Connections that have ended: {}")),
];

/// 303 to `page`, which says what was done.
pub(super) fn done(visit: &Visit, page: &str, word: &str, count: Option<usize>) -> HttpResponse {
    let joint = if page.contains('?') { '&' } else { '?' };
    let count = count.map(|count| format!("&count={count}")).unwrap_or_default();
    see_other(&visit.here(&format!("{page}{joint}done={word}{count}")))
}

/// What the address says was done.
pub(super) fn said(frame: &Frame, query: &Parameters) -> Option<Html> {
    let word = query.get("done")?;
    let (_, sentence) = SENTENCES.iter().find(|(known, _)| *known == word)?;
    let count: u64 = query.get("count").and_then(|count| count.parse().ok()).unwrap_or(0);
    Some(frame.say(sentence, &[count]))
}
