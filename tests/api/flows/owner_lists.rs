//! The owner's lists: searched, narrowed, sorted and paged, with a hundred thousand rows in each.

use diesel::RunQueryDsl as _;
use diesel::sql_types::BigInt;
use mcp_oauthd::storage::{DbConnection, StorageError};

use super::account::{add, signed_in};
use super::owner::connected;
use crate::support::{Browser, Page, TestServer, USER};

const ROWS: i64 = 100_000;

/// Person `n` is `person<n>`, app `n` is `Agent <n>`, and the one has connected the other. Each number
/// has six digits, so that names sort as numbers do.
const FILL: [&str; 3] = [
    "INSERT INTO users WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) \
     SELECT 'mcpu' || i, printf('person%06d', i), NULL, 'member', i, NULL, \
     CASE WHEN i % 1000 = 0 THEN 7 END, FALSE, CASE WHEN i % 2 = 0 THEN i END FROM n",
    "INSERT INTO oauth_clients (client_id, client_json, created_at, origin, authorized_at, \
     last_used_at, name) WITH RECURSIVE n(i) AS \
     (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) \
     SELECT 'mcpc' || i, '{\"redirect_uris\":[\"https://app.example/cb\"],\
     \"token_endpoint_auth_method\":\"none\",\"grant_types\":[\"authorization_code\"],\
     \"response_types\":[\"code\"]}', i, 'registered', i, i, printf('Agent %06d', i) \
     FROM n",
    "INSERT INTO oauth_grants WITH RECURSIVE n(i) AS \
     (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) \
     SELECT i, 'mcpc' || i, 'mcpu' || i, 'mcp', 'https://wiki.example.org/mcp', i, i, 9999999999, \
     9999999999, NULL, NULL, NULL, FALSE FROM n",
];

async fn world() -> (TestServer, Browser) {
    let server = TestServer::spawn().await;
    for statement in FILL {
        let fill = move |conn: &mut DbConnection| {
            diesel::sql_query(statement).bind::<BigInt, _>(ROWS).execute(conn)?;
            Ok::<_, StorageError>(())
        };
        server.storage.write(fill).await.unwrap();
    }
    let owner = signed_in(&server, USER).await;
    (server, owner)
}

/// What stands in the first column, from top to bottom.
fn names(page: &Page) -> Vec<String> {
    assert_eq!(page.status, 200, "{page:?}");
    let rows = page.text.split("<th scope=\"row\"").skip(1);
    let names = rows.map(|row| row.split("<bdi>").nth(1).unwrap().split("</bdi>").next().unwrap());
    names.map(str::to_owned).collect()
}

/// The address of the page that the link leads to.
fn link(page: &Page, rel: &str) -> Option<String> {
    let (before, _) = page.text.split_once(&format!("\" rel=\"{rel}\""))?;
    Some(before.rsplit("href=\"").next().unwrap().replace("&#38;", "&"))
}

fn people(numbers: impl Iterator<Item = i64>) -> Vec<String> {
    numbers.map(|n| format!("person{n:06}")).collect()
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_among_a_hundred_thousand() {
    let (_server, owner) = world().await;
    let mut page = owner.get("/owner/people?q=person").await;
    let mut seen = names(&page);
    for _ in 0..3 {
        page = owner.get(&link(&page, "next").unwrap()).await;
        seen.extend(names(&page));
    }
    assert_eq!(seen, people(1..=200));
    let first = owner.get(&link(&page, "first").unwrap()).await;
    assert_eq!(names(&first), people(1..=50));
    assert_eq!(link(&first, "first"), None);

    let mut page = owner.get("/owner/people?q=PERSON&sort=created").await;
    let mut seen = names(&page);
    page = owner.get(&link(&page, "next").unwrap()).await;
    seen.extend(names(&page));
    assert_eq!(seen, people((ROWS - 99..=ROWS).rev()));
    let newest = names(&owner.get("/owner/clients?q=agent&sort=used").await);
    assert_eq!(newest[..2], ["Agent 100000", "Agent 099999"]);
}

#[tokio::test]
async fn what_is_looked_for_is_found_and_the_rest_stays_when_the_order_changes() {
    let (_server, owner) = world().await;
    let page = owner.get("/owner/people?q=+077%25+").await;
    assert!(names(&page).is_empty() && page.text.contains("Nobody is like that."));
    let page = owner.get("/owner/people?q=077&show=disabled").await;
    assert_eq!(names(&page), people([77_000].into_iter()));
    assert!(
        page.text.contains("value=\"077\"") && page.text.contains("value=\"disabled\" selected")
    );
    assert!(page.text.contains("aria-sort=\"ascending\"") && link(&page, "next").is_none());
    let sorted = "href=\"/owner/people?q=077&#38;show=disabled&#38;sort=created\"";
    assert!(page.text.contains(sorted), "{}", page.text);
    let page = owner.get("/owner/people?q=077&show=disabled&sort=created").await;
    assert!(page.text.contains("aria-sort=\"descending\""), "{}", page.text);
    let never = names(&owner.get("/owner/people?show=new&q=person").await);
    assert_eq!(never[..3], people([1, 3, 5].into_iter()));
    assert_eq!(names(&owner.get("/owner/people?show=owners").await), [USER]);
}

#[tokio::test]
async fn connections_are_found_by_person_app_and_resource() {
    let (server, owner) = world().await;
    add(&server, "bob").await;
    connected(&server, "bob").await;
    for (query, expected) in [
        ("q=person077777", vec!["Agent 077777"]),
        ("q=agent+000042", vec!["Agent 000042"]),
        ("person=mcpu5", vec!["Agent 000005"]),
        ("client=mcpc6", vec!["Agent 000006"]),
        ("person=mcpu5&client=mcpc6", vec![]),
        ("q=bob", vec!["Assistant"]),
        ("q=bob&show=ended", vec![]),
        ("q=bob&resource=https%3A%2F%2Fnotes.example.org%2Fmcp", vec![]),
        ("q=bob&resource=https%3A%2F%2Fwiki.example.org%2Fmcp%2F", vec!["Assistant"]),
    ] {
        let page = owner.get(&format!("/owner/grants?{query}")).await;
        assert_eq!(names(&page), expected, "{query}");
    }
    let page = owner.get("/owner/grants?person=mcpu5").await;
    assert!(page.text.contains("type=\"hidden\" name=\"person\" value=\"mcpu5\""), "{}", page.text);
    let newest = owner.get("/owner/grants").await;
    assert_eq!(names(&newest)[0], "Assistant");
    let next = owner.get(&link(&newest, "next").unwrap()).await;
    assert_eq!(names(&next).len(), 50);
    let overview = owner.get("/owner").await;
    assert!(overview.text.contains("<dd>100001</dd>"), "{}", overview.text);
}

#[tokio::test]
async fn an_address_that_makes_no_sense_is_the_whole_list() {
    let server = TestServer::spawn().await;
    let owner = signed_in(&server, USER).await;
    for query in ["show=x", "sort=--name", "after=x", "after=%27+OR+1", "sort=;", "x=y"] {
        let page = owner.get(&format!("/owner/people?{query}")).await;
        assert_eq!(names(&page), [USER], "{query}");
    }
    let broken = owner.get("/owner/people?q=%ff").await;
    assert_eq!(broken.status, 400, "{broken:?}");
    let hostile = owner.get("/owner/people?q=%22%3E%3Cscript%3E").await;
    assert!(!hostile.text.contains("<script>"), "{}", hostile.text);
    for (path, words) in [
        ("/owner/clients", "No app has come by yet."),
        ("/owner/grants", "Nobody has connected an app yet."),
        ("/owner/clients?q=zzz", "No app is like that."),
        ("/owner/grants?q=zzz", "No connection is like that."),
        ("/owner/resources?q=zzz", "No MCP server is like that."),
    ] {
        let page = owner.get(path).await;
        assert!(page.text.contains(words), "{path}: {}", page.text);
    }
}
