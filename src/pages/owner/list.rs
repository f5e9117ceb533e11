//! Lists: searched, narrowed, sorted and paged by their address alone, so that every view of one can be
//! kept and linked, and needs no script.

use url::form_urlencoded::Serializer;

use crate::oauth::Parameters;
use crate::storage::lists::{At, Cursor};

/// Rows of a page.
const ROWS: i64 = 50;
/// The longest text that is searched for, in characters.
const LONGEST_SEARCH: usize = 200;

/// What can be asked of a list.
pub(super) struct Shape {
    /// Its page, below the issuer's path.
    pub path: &'static str,
    /// What it can be narrowed to: the parameter's value, and its words. The first is the default.
    pub filters: &'static [(&'static str, &'static str)],
    /// From left to right.
    pub columns: &'static [Column],
    /// [`Column::key`] of the one that it is sorted by if nobody says otherwise.
    pub order: &'static str,
}

/// A column.
pub(super) struct Column {
    /// As the address says it; empty, if the list is not sorted by it.
    pub key: &'static str,
    /// As people read it.
    pub words: &'static str,
    /// The greatest or newest first.
    pub descending: bool,
}

impl Column {
    /// One that the list is not sorted by.
    pub(super) const fn plain(words: &'static str) -> Self {
        Self { key: "", words, descending: false }
    }
}

/// One view of a list. What makes no sense in its address is as if it was not there.
pub(super) struct Asked {
    shape: &'static Shape,
    /// Below which our paths are.
    base: String,
    /// What to look for, without space around it.
    pub search: String,
    /// One of [`Shape::filters`].
    pub filter: &'static str,
    /// [`Column::key`] of the one that it is sorted by.
    pub order: &'static str,
    /// What else the list is narrowed to, and stays so.
    pub kept: Vec<(&'static str, String)>,
    /// The one of them that people choose from a few.
    pub choice: Option<Choice>,
    after: Option<Cursor>,
    next: Option<Cursor>,
}

/// A parameter that people choose from a few.
pub(super) struct Choice {
    pub name: &'static str,
    /// What it is, for people.
    pub words: &'static str,
    /// Each value, and what people call it.
    pub options: Vec<(String, String)>,
}

impl Asked {
    /// By the query of a request; `kept` are the names of more parameters.
    pub(super) fn of(
        shape: &'static Shape,
        base: &str,
        query: &Parameters,
        kept: &[&'static str],
    ) -> Self {
        let named = |name| query.get(name).unwrap_or_default();
        let filter = shape.filters.iter().find(|(value, _)| *value == named("show"));
        let sorted = |column: &&Column| !column.key.is_empty() && column.key == named("sort");
        let kept = kept.iter().filter_map(|name| Some((*name, query.get(name)?.to_owned())));
        Self {
            shape,
            base: base.to_owned(),
            search: named("q").trim().chars().take(LONGEST_SEARCH).collect(),
            filter: filter.or(shape.filters.first()).map_or("", |(value, _)| value),
            order: shape.columns.iter().find(sorted).map_or(shape.order, |column| column.key),
            kept: kept.collect(),
            choice: None,
            after: named("after").parse().ok(),
            next: None,
        }
    }

    /// Which page.
    pub(super) fn at(&self) -> At {
        At { after: self.after.clone(), limit: ROWS }
    }

    /// Takes over where the next page begins, if there is one.
    pub(super) fn found<T>(&mut self, page: crate::storage::lists::Page<T>) -> Vec<T> {
        self.next = page.next;
        page.rows
    }

    /// A parameter that is kept.
    pub(super) fn kept(&self, name: &str) -> Option<&str> {
        self.kept.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// What the form sends along without asking for it.
    pub(super) fn hidden(&self) -> impl Iterator<Item = &(&'static str, String)> {
        let chosen = self.choice.as_ref().map_or("", |choice| choice.name);
        self.kept.iter().filter(move |(name, _)| *name != chosen)
    }

    /// Whether it is what was chosen.
    pub(super) fn is_chosen(&self, value: &str) -> bool {
        let chosen = self.choice.as_ref().and_then(|choice| self.kept(choice.name));
        chosen == Some(value)
    }

    /// Whether it is less than all there is.
    pub(super) fn is_narrowed(&self) -> bool {
        let everything = self.shape.filters.first().map_or("", |(value, _)| value);
        !self.search.is_empty() || self.filter != everything || !self.kept.is_empty()
    }

    /// Where the form is sent, and the whole list is.
    pub(super) fn action(&self) -> String {
        format!("{}{}", self.base, self.shape.path)
    }

    pub(super) fn filters(&self) -> &'static [(&'static str, &'static str)] {
        self.shape.filters
    }

    pub(super) fn columns(&self) -> &'static [Column] {
        self.shape.columns
    }

    /// The columns that it can be sorted by.
    pub(super) fn orders(&self) -> impl Iterator<Item = &'static Column> {
        self.shape.columns.iter().filter(|column| !column.key.is_empty())
    }

    /// The beginning of the list, if this is not it.
    pub(super) fn first(&self) -> Option<String> {
        self.after.is_some().then(|| self.link(self.order, None))
    }

    /// The page after this one.
    pub(super) fn next(&self) -> Option<String> {
        self.next.as_ref().map(|next| self.link(self.order, Some(next)))
    }

    /// The same from its beginning, sorted by this column.
    pub(super) fn sorted_by(&self, column: &Column) -> String {
        self.link(column.key, None)
    }

    /// `aria-sort` of a column: WAI-ARIA 1.2 section 6.6.
    pub(super) fn aria_sort(&self, column: &Column) -> Option<&'static str> {
        let direction = if column.descending { "descending" } else { "ascending" };
        (self.order == column.key).then_some(direction)
    }

    /// Whether it is what the list is narrowed to.
    pub(super) fn is_filter(&self, value: &str) -> bool {
        self.filter == value
    }

    /// Everything but the order and the page stays.
    fn link(&self, order: &str, after: Option<&Cursor>) -> String {
        let everything = self.shape.filters.first().map_or("", |(value, _)| value);
        let mut query = Serializer::new(String::new());
        if !self.search.is_empty() {
            query.append_pair("q", &self.search);
        }
        if self.filter != everything {
            query.append_pair("show", self.filter);
        }
        query.extend_pairs(&self.kept);
        if order != self.shape.order {
            query.append_pair("sort", order);
        }
        if let Some(after) = after {
            query.append_pair("after", &after.to_string());
        }
        format!("{}?{}", self.action(), query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::lists::Page;

    static SHAPE: Shape = Shape {
        path: "/owner/people",
        filters: &[("", "Everybody"), ("owner", "Owners")],
        columns: &[
            Column { key: "name", words: "Name", descending: false },
            Column::plain("State"),
            Column { key: "created", words: "Since", descending: true },
        ],
        order: "name",
    };
    /// `{"key":1,"id":"x"}`
    const PLACE: &str = "eyJrZXkiOjEsImlkIjoieCJ9";

    fn asked(query: &str) -> Asked {
        Asked::of(&SHAPE, "/as", &Parameters::parse(query).unwrap(), &["person"])
    }

    #[test]
    fn links_keep_what_else_was_asked_for() {
        let query = "q=a%26b&show=owner&person=x&sort=created";
        let mut list = asked(&format!("{query}&after={PLACE}"));
        assert_eq!((list.search.as_str(), list.filter, list.order), ("a&b", "owner", "created"));
        assert_eq!((list.kept("person"), list.next()), (Some("x"), None));
        assert_eq!(list.first(), Some(format!("/as/owner/people?{query}")));
        list.found(Page { rows: vec![1], next: PLACE.parse().ok() });
        assert_eq!(list.next(), Some(format!("/as/owner/people?{query}&after={PLACE}")));
    }

    #[test]
    fn a_column_sorts_from_the_beginning() {
        let [name, state, created] = SHAPE.columns else { panic!() };
        let list = asked(&format!("show=owner&after={PLACE}"));
        assert_eq!(list.aria_sort(name), Some("ascending"));
        assert_eq!((list.aria_sort(state), list.aria_sort(created)), (None, None));
        assert_eq!(list.sorted_by(created), "/as/owner/people?show=owner&sort=created");
        assert_eq!(asked("sort=created").aria_sort(created), Some("descending"));
        assert_eq!(list.orders().count(), 2);
    }

    #[test]
    fn nonsense_is_the_whole_list() {
        for query in ["show=x", "sort=x", "sort=-", "after=x", "after=%27", "q=+", "other=1"] {
            let list = asked(query);
            assert_eq!((list.filter, list.order, list.first()), ("", "name", None), "{query}");
            assert!(!list.is_narrowed());
        }
    }
}
