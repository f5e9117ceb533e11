//! What goes with whoever moves to another file or another engine: rows as they are, a line of JSON each.
//!
//! | stays behind | because |
//! |---|---|
//! | `sessions`, `sign_ins`, `authorization_requests` | people sign in once more, which takes a minute |
//! | `one_time_links` | each is for one person at one place; another is made in a moment |
//! | `events`, `attempts` | they are the record of the place where things happened |
//! | `notification_channels`, `serving_processes`, `schema_version`, `clock`, `issuers` | they are about the file and its place |

use std::str::FromStr;

use data_encoding::BASE64;
use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Binary;
use serde::{Deserialize, Serialize};

/// A BLOB; in JSON base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
#[serde(try_from = "String", into = "String")]
pub struct Blob(Vec<u8>);

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Blob {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<String> for Blob {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        BASE64.decode(text.as_bytes()).map(Self).map_err(|_| "not base64")
    }
}

impl From<Blob> for String {
    fn from(blob: Blob) -> Self {
        BASE64.encode(&blob.0)
    }
}

/// Whether a column can be read as what it stands for.
trait Reads<T> {
    fn reads(&self) -> bool;
}

impl<T: FromStr> Reads<T> for String {
    fn reads(&self) -> bool {
        self.parse::<T>().is_ok()
    }
}

impl<T: TryFrom<Vec<u8>>> Reads<T> for Blob {
    fn reads(&self) -> bool {
        T::try_from(self.0.clone()).is_ok()
    }
}

impl<T, C: Reads<T>> Reads<T> for Option<C> {
    fn reads(&self) -> bool {
        self.as_ref().is_none_or(Reads::reads)
    }
}

/// Tables, their keys, and their columns, each with what it stands for where that is not its type alone.
///
/// What belongs to somebody or something comes before it: nobody is ever here without his second
/// factor, and no resource without its rules; and whoever is here has brought all of it along. Tokens
/// come behind their grant, which alone makes them good.
macro_rules! portable {
    ($($name:ident = $table:ident ($($key:ident),+) {
        $($(#[$attribute:meta])* $column:ident: $type:ty $(=> $meaning:ty)?),+ $(,)?
    })+) => {
        /// A row of one of the tables: `{"users": {…}}`. A column that is NULL is left out.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "each is a table, whose file describes it")]
        pub enum Row {
            $($name($name)),+
        }

        $(
            #[doc = concat!("A row of `", stringify!($table), "`.")]
            #[derive(
                Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Queryable, Selectable, Insertable,
            )]
            #[diesel(table_name = schema::$table, treat_none_as_default_value = false)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $(
                    $(#[$attribute])*
                    #[serde(skip_serializing_if = "is_null")]
                    pub(super) $column: $type
                ),+
            }
        )+

        /// Reads every row as it is at one moment, table after table, each in the order of its keys.
        ///
        /// # Errors
        /// The database's, and those of `each`.
        pub fn read<E: From<StorageError>>(
            conn: &mut DbConnection,
            mut each: impl FnMut(Row) -> Result<(), E>,
        ) -> Result<(), E> {
            // One moment for all; nothing is written, so that whatever ends it may end it well.
            conn.transaction(|conn| Ok::<_, StorageError>(read_all(conn, &mut each)))?
        }

        fn read_all<E: From<StorageError>>(
            conn: &mut DbConnection,
            each: &mut impl FnMut(Row) -> Result<(), E>,
        ) -> Result<(), E> {
            let failed = |error: DieselError| E::from(StorageError::from(error));
            $({
                let rows = schema::$table::table.order(($(schema::$table::$key),+));
                let rows = rows.select($name::as_select());
                for row in rows.load_iter::<$name, DefaultLoadingMode>(conn).map_err(failed)? {
                    each(Row::$name(row.map_err(failed)?))?;
                }
            })+
            Ok(())
        }

        impl Row {
            /// The name of its table.
            #[must_use]
            pub fn table(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($table)),+
                }
            }

            /// The first column that cannot be what it stands for.
            #[must_use]
            pub fn unreadable(&self) -> Option<&'static str> {
                match self {
                    $(Self::$name(_row) => {
                        $($(if !Reads::<$meaning>::reads(&_row.$column) {
                            return Some(stringify!($column));
                        })?)+
                        None
                    })+
                }
            }

            /// Whether there is a row with this key.
            pub(super) fn has_its_key(
                &self,
                conn: &mut DbConnection,
            ) -> Result<bool, StorageError> {
                let count: i64 = match self {
                    $(Self::$name(row) => {
                        schema::$table::table.find(($(&row.$key),+)).count().get_result(conn)?
                    })+
                };
                Ok(count > 0)
            }

            /// Adds it.
            ///
            /// # Errors
            /// [`StorageError::AlreadyExists`] where there may be one only, and the database's.
            pub fn insert(&self, conn: &mut DbConnection) -> Result<(), StorageError> {
                match self {
                    $(Self::$name(row) => {
                        diesel::insert_into(schema::$table::table).values(row).execute(conn)?;
                    })+
                }
                Ok(())
            }
        }

        pub(super) const TABLES: &[(&str, &[&str])] =
            &[$((stringify!($table), &[$(stringify!($column)),+])),+];
    };
}

/// Left out of the JSON.
trait Nullable {
    fn is_null(&self) -> bool {
        false
    }
}

impl Nullable for String {}
impl Nullable for i64 {}
impl Nullable for bool {}
impl Nullable for Blob {}
impl<T> Nullable for Option<T> {
    fn is_null(&self) -> bool {
        self.is_none()
    }
}

fn is_null(value: &impl Nullable) -> bool {
    value.is_null()
}

mod standing;
mod tables;

pub use standing::Standing;
pub use tables::{Row, read};

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns of a table as `schema` has them.
    fn columns(table: &str) -> Vec<&'static str> {
        let schema = include_str!("schema.rs");
        let (_, rest) = schema.split_once(&format!("\n    {table} (")).unwrap();
        let (body, _) = rest.split_once("\n    }").unwrap();
        body.lines().skip(1).map(|line| line.trim().split(" ->").next().unwrap()).collect()
    }

    #[test]
    fn every_column_travels() {
        for (table, known) in tables::TABLES {
            assert_eq!(columns(table), *known, "{table}");
        }
    }

    /// Whoever adds a table decides whether it travels.
    #[test]
    fn every_table_travels_or_is_named_among_those_that_stay() {
        let schema = include_str!("schema.rs");
        let head = include_str!("portable.rs").split("\nuse ").next().unwrap();
        let all = schema.split("diesel::table! {\n    ").skip(1);
        for table in all.map(|rest| rest.split(' ').next().unwrap()) {
            let travels = tables::TABLES.iter().any(|(name, _)| *name == table);
            assert_ne!(travels, head.contains(&format!("`{table}`")), "{table}");
        }
    }
}
