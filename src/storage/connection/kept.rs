//! What diesel would do each time, done once. Statements are prepared once, of which it would prepare each
//! anew: texts of ours, and updates, because a changeset may leave columns out. To prepare an update of a
//! watched table, which has triggers, takes several times as long as the update itself. And the text of a
//! look-up by key is made once: to walk through the parts of a query, twice for each time that it runs, takes
//! longer than the look-up.
//!
//! Inserts are kept by diesel, of rows that leave no column out: `treat_none_as_default_value = false`.

use std::marker::PhantomData;
use std::sync::OnceLock;

use diesel::associations::HasTable;
use diesel::backend::Backend;
use diesel::query_builder::{
    AsChangeset, AstPass, IntoUpdateTarget, Query, QueryBuilder as _, QueryFragment, QueryId,
};
use diesel::query_dsl::RunQueryDsl;
use diesel::query_source::QuerySource;
use diesel::serialize::ToSql;
use diesel::sql_types::BigInt;
use diesel::sqlite::{Sqlite, SqliteQueryBuilder};
use diesel::{QueryResult, Table};

/// A statement that is always the same, and answers nothing, or one number.
#[derive(Clone, Copy)]
pub(in crate::storage) struct Fixed(pub(in crate::storage) &'static str);

impl<DB: Backend> QueryFragment<DB> for Fixed {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        pass.push_sql(self.0);
        Ok(())
    }
}

/// Found by what it says.
impl QueryId for Fixed {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Fixed {
    type SqlType = BigInt;
}

impl<Conn> RunQueryDsl<Conn> for Fixed {}

/// As [`Fixed`], with numbers in the place of its question marks.
pub(in crate::storage) struct Numbered<const N: usize>(
    pub(in crate::storage) &'static str,
    pub(in crate::storage) [i64; N],
);

impl<const N: usize> QueryFragment<Sqlite> for Numbered<N> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut parts = self.0.split('?');
        pass.push_sql(parts.next().unwrap_or_default());
        for (number, part) in self.1.iter().zip(parts) {
            pass.push_bind_param::<BigInt, _>(number)?;
            pass.push_sql(part);
        }
        Ok(())
    }
}

/// Found by what it says.
impl<const N: usize> QueryId for Numbered<N> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<const N: usize, Conn> RunQueryDsl<Conn> for Numbered<N> {}

/// See [`update`].
pub(in crate::storage) struct Update<Source: QuerySource, Condition, Changes, Set> {
    table: Source::FromClause,
    condition: Condition,
    changes: Changes,
    set: PhantomData<Set>,
}

/// As [`diesel::update`], for changes that always name the same columns: one or several
/// `column.eq(value)`, and no struct, which would leave out what is `None`.
pub(in crate::storage) fn update<Target, Set>(
    target: Target,
    set: Set,
) -> Update<<Target as HasTable>::Table, Target::WhereClause, Set::Changeset, Set>
where
    Target: IntoUpdateTarget,
    Set: AsChangeset<Target = <Target as HasTable>::Table> + QueryId,
{
    let target = target.into_update_target();
    Update {
        table: target.table.from_clause(),
        condition: target.where_clause,
        changes: set.as_changeset(),
        set: PhantomData,
    }
}

impl<Source, Condition, Changes, Set, DB> QueryFragment<DB>
    for Update<Source, Condition, Changes, Set>
where
    Source: Table,
    Source::FromClause: QueryFragment<DB>,
    Condition: QueryFragment<DB>,
    Changes: QueryFragment<DB>,
    DB: Backend,
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        pass.push_sql("UPDATE ");
        self.table.walk_ast(pass.reborrow())?;
        pass.push_sql(" SET ");
        self.changes.walk_ast(pass.reborrow())?;
        self.condition.walk_ast(pass)
    }
}

/// The set stands for the changes: it names the columns by their types.
impl<Source, Condition, Changes, Set> QueryId for Update<Source, Condition, Changes, Set>
where
    Source: Table + 'static,
    Condition: QueryId,
    Set: QueryId,
{
    type QueryId = Update<Source, Condition::QueryId, (), Set::QueryId>;

    const HAS_STATIC_QUERY_ID: bool = Condition::HAS_STATIC_QUERY_ID && Set::HAS_STATIC_QUERY_ID;
}

impl<Source: Table, Condition, Changes, Set, Conn> RunQueryDsl<Conn>
    for Update<Source, Condition, Changes, Set>
{
}

/// The text of one query by key, from its first use on.
pub(in crate::storage) struct LookUp(OnceLock<String>);

impl LookUp {
    pub(in crate::storage) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The query for this key, as `query` would make it, which has no other parameter.
    pub(in crate::storage) fn by<K: Copy, Q: QueryFragment<Sqlite>>(
        &'static self,
        key: K,
        query: impl FnOnce(K) -> Q,
    ) -> ByKey<K, Q> {
        let text = self.0.get_or_init(|| {
            let mut builder = SqliteQueryBuilder::new();
            // Names and operators alone: nothing that could fail.
            let _cannot_fail = query(key).to_sql(&mut builder, &Sqlite);
            builder.finish()
        });
        ByKey { key, text, query: PhantomData }
    }
}

/// See [`LookUp`].
pub(in crate::storage) struct ByKey<K, Q> {
    key: K,
    text: &'static str,
    query: PhantomData<Q>,
}

impl<K: ToSql<BigInt, Sqlite>, Q> QueryFragment<Sqlite> for ByKey<K, Q> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let (before, after) = self.text.split_once('?').unwrap_or((self.text, ""));
        pass.push_sql(before);
        pass.push_bind_param::<BigInt, _>(&self.key)?;
        pass.push_sql(after);
        Ok(())
    }
}

/// Found by what the query is.
impl<K, Q: QueryId> QueryId for ByKey<K, Q> {
    type QueryId = ByKey<(), Q::QueryId>;

    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

impl<K, Q: Query> Query for ByKey<K, Q> {
    type SqlType = Q::SqlType;
}

impl<K, Q, Conn> RunQueryDsl<Conn> for ByKey<K, Q> {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use diesel::connection::{InstrumentationEvent, SimpleConnection as _};
    use diesel::prelude::*;

    use super::*;

    diesel::table! {
        pears (id) {
            id -> BigInt,
            weight -> BigInt,
            price -> Nullable<BigInt>,
        }
    }

    #[test]
    fn a_statement_is_prepared_once_and_changes_what_it_says() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        conn.batch_execute(
            "CREATE TABLE pears (id INTEGER PRIMARY KEY NOT NULL, weight BIGINT, price BIGINT);
             INSERT INTO pears VALUES (1, 10, 5), (2, 20, 6);",
        )
        .unwrap();
        let kept = Arc::new(AtomicUsize::new(0));
        let counter = kept.clone();
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if matches!(event, InstrumentationEvent::CacheQuery { .. }) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        for weight in 11..14 {
            let none: Option<i64> = None;
            let set = (pears::weight.eq(weight), pears::price.eq(none));
            assert_eq!(update(pears::table.find(1), set).execute(&mut conn), Ok(1));
            assert_eq!(Fixed("SELECT 7").get_result::<i64>(&mut conn), Ok(7));
        }
        assert_eq!(kept.load(Ordering::Relaxed), 2);
        for (id, weight) in [(1, 13), (2, 20), (1, 13)] {
            static LOOK_UP: LookUp = LookUp::new();
            let by_key = LOOK_UP.by(id, |id| pears::table.find(id).select(pears::weight));
            assert_eq!(by_key.get_result::<i64>(&mut conn), Ok(weight));
        }
        assert_eq!(kept.load(Ordering::Relaxed), 3);
        for id in [1, 2] {
            let priced = Numbered("UPDATE pears SET price = ? WHERE id = ?", [id + 5, id]);
            assert_eq!(priced.execute(&mut conn), Ok(1));
        }
        assert_eq!(kept.load(Ordering::Relaxed), 4);
        let heavy = pears::table.filter(pears::weight.gt(15));
        assert_eq!(update(heavy, pears::weight.eq(pears::weight + 1)).execute(&mut conn), Ok(1));
        assert_eq!(kept.load(Ordering::Relaxed), 5, "another statement");
        let all = pears::table.load::<(i64, i64, Option<i64>)>(&mut conn);
        assert_eq!(all, Ok(vec![(1, 13, Some(6)), (2, 21, Some(7))]));
    }
}
