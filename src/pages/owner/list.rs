//! Lists: searched, filtered, sorted and paged by their address alone, so that every view of one can be
//! kept and linked, and needs no script.

use url::form_urlencoded::Serializer;

use crate::oauth::Parameters;

/// Rows of a page.
pub(super) const ROWS: i64 = 50;
/// The furthest page that is looked for.
const LAST_PAGE: i64 = 1_000_000;
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
    /// How it is sorted if nobody says otherwise.
    pub order: Order,
}

/// A column.
pub(super) struct Column {
    /// As the address says it; empty, if the list is not sorted by it.
    pub key: &'static str,
    /// As people read it.
    pub words: &'static str,
}

/// By what a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    /// [`Column::key`] of one of its columns.
    pub key: &'static str,
    /// The last or newest first.
    pub descending: bool,
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
    /// By what it is sorted.
    pub order: Order,
    /// From 1.
    pub page: i64,
    /// How many rows there are on all pages.
    total: i64,
}

impl Asked {
    /// By the query of a request.
    pub(super) fn of(shape: &'static Shape, base: &str, query: &Parameters) -> Self {
        let named = |name| query.get(name).unwrap_or_default();
        let filter = shape.filters.iter().find(|(value, _)| *value == named("show"));
        let (key, descending) = match named("sort").strip_prefix('-') {
            Some(key) => (key, true),
            None => (named("sort"), false),
        };
        let column = shape.columns.iter().find(|column| column.key == key && !key.is_empty());
        let page = named("page").parse().unwrap_or(1);
        Self {
            shape,
            base: base.to_owned(),
            search: named("q").trim().chars().take(LONGEST_SEARCH).collect(),
            filter: filter.or(shape.filters.first()).map_or("", |(value, _)| value),
            order: column.map_or(shape.order, |column| Order { key: column.key, descending }),
            page: i64::clamp(page, 1, LAST_PAGE),
            total: 0,
        }
    }

    /// When it is known how many there are. Behind the last page is the last page.
    pub(super) fn found(&mut self, total: i64) {
        self.total = total;
        self.page = self.page.min((total + ROWS - 1) / ROWS).max(1);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many rows come before the page.
    pub(super) fn offset(&self) -> i64 {
        (self.page - 1) * ROWS
    }

    /// Whether it is less than all there is.
    pub(super) fn is_narrowed(&self) -> bool {
        !self.search.is_empty() || Some(self.filter) != self.shape.filters.first().map(|f| f.0)
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

    /// The page before this one.
    pub(super) fn previous(&self) -> Option<String> {
        (self.page > 1).then(|| self.link(self.order, self.page - 1))
    }

    /// The page after this one.
    pub(super) fn next(&self) -> Option<String> {
        (self.page * ROWS < self.total).then(|| self.link(self.order, self.page + 1))
    }

    /// The number of the first row that is shown, and of the last one.
    pub(super) fn span(&self) -> [i64; 3] {
        [self.offset() + 1, (self.page * ROWS).min(self.total), self.total]
    }

    /// The same, sorted by this column; the other way round if it is already.
    pub(super) fn sorted_by(&self, column: &Column) -> String {
        let is_it = self.order.key == column.key;
        let descending = if is_it { !self.order.descending } else { self.is_time(column) };
        self.link(Order { key: column.key, descending }, 1)
    }

    /// `aria-sort` of a column: WAI-ARIA 1.2 section 6.6.
    pub(super) fn aria_sort(&self, column: &Column) -> Option<&'static str> {
        let words = if self.order.descending { "descending" } else { "ascending" };
        (self.order.key == column.key).then_some(words)
    }

    /// For the form: the orders that there are, the value of `sort`, its column and its direction.
    pub(super) fn orders(&self) -> Vec<(String, &'static str, bool)> {
        let sortable = self.shape.columns.iter().filter(|column| !column.key.is_empty());
        let both = |column: &'static Column| {
            [false, true].map(|descending| {
                let order = Order { key: column.key, descending };
                (order.text(), column.words, descending)
            })
        };
        sortable.flat_map(both).collect()
    }

    /// Whether it is what the list is narrowed to.
    pub(super) fn is_filter(&self, value: &str) -> bool {
        self.filter == value
    }

    /// Whether it is the order in force.
    pub(super) fn is_order(&self, sort: &str) -> bool {
        self.order.text() == sort
    }

    /// People look for the newest first.
    fn is_time(&self, column: &Column) -> bool {
        self.shape.order.descending && column.key == self.shape.order.key
            || matches!(column.key, "created" | "used")
    }

    /// Everything but the page and the order stays.
    fn link(&self, order: Order, page: i64) -> String {
        let mut query = Serializer::new(String::new());
        if !self.search.is_empty() {
            query.append_pair("q", &self.search);
        }
        if !self.filter.is_empty() {
            query.append_pair("show", self.filter);
        }
        if order != self.shape.order {
            query.append_pair("sort", &order.text());
        }
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        format!("{}?{}", self.action(), query.finish())
    }
}

impl Order {
    fn text(self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SHAPE: Shape = Shape {
        path: "/owner/people",
        filters: &[("", "Everybody"), ("owner", "Owners")],
        columns: &[
            Column { key: "name", words: "Name" },
            Column { key: "", words: "State" },
            Column { key: "created", words: "Since" },
        ],
        order: Order { key: "name", descending: false },
    };

    fn asked(query: &str) -> Asked {
        Asked::of(&SHAPE, "/as", &Parameters::parse(query).unwrap())
    }

    #[test]
    fn links_keep_what_else_was_asked_for() {
        let mut list = asked("q=a%26b&show=owner&sort=-created&page=3");
        assert_eq!((list.search.as_str(), list.filter, list.offset()), ("a&b", "owner", 100));
        list.found(151);
        let next = "/as/owner/people?q=a%26b&show=owner&sort=-created&page=4";
        assert_eq!(list.next().as_deref(), Some(next));
        list.found(120);
        assert_eq!((list.next(), list.span()), (None, [101, 120, 120]));
        let previous = "/as/owner/people?q=a%26b&show=owner&sort=-created&page=2";
        assert_eq!(list.previous().as_deref(), Some(previous));
    }

    #[test]
    fn behind_the_last_page_is_the_last_page() {
        for (total, page) in [(0, 1), (1, 1), (50, 1), (51, 2), (1000, 7)] {
            let mut list = asked("page=7");
            list.found(total);
            assert_eq!((list.page, list.is_empty()), (page, total == 0), "{total}");
        }
    }

    #[test]
    fn a_column_sorts_and_sorts_the_other_way_round() {
        let [name, state, created] = SHAPE.columns else { panic!() };
        let list = asked("show=owner&page=9");
        assert_eq!(list.aria_sort(name), Some("ascending"));
        assert_eq!((list.aria_sort(state), list.aria_sort(created)), (None, None));
        assert_eq!(list.sorted_by(name), "/as/owner/people?show=owner&sort=-name");
        assert_eq!(list.sorted_by(created), "/as/owner/people?show=owner&sort=-created");
        let list = asked("sort=-created");
        assert_eq!(list.aria_sort(created), Some("descending"));
        assert_eq!(list.sorted_by(created), "/as/owner/people?sort=created");
    }

    #[test]
    fn nonsense_is_the_whole_list() {
        for query in ["show=x", "sort=x", "sort=-", "sort=--name", "page=0", "page=-4", "page=x"] {
            let list = asked(query);
            assert_eq!((list.filter, list.order, list.page), ("", SHAPE.order, 1), "{query}");
            assert!(!list.is_narrowed());
        }
        assert_eq!(asked("page=99999999999").page, LAST_PAGE);
    }
}
