//! Resources, for the owner to look at. There are a handful; whoever has a thousand sees them all.

use super::{At, Cursor, Page};
use crate::storage::resources::{self, Resource};
use crate::storage::{DbConnection, StorageError};

/// What a list of resources is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The first added first, which is the default.
    #[default]
    Position,
    /// By what people call them, or else by their URLs.
    Name,
}

/// A page of the resources of whose name or URL `search` is a part.
pub fn page(
    conn: &mut DbConnection,
    search: &str,
    order: Order,
    at: &At,
) -> Result<Page<Resource>, StorageError> {
    let search = search.trim().to_lowercase();
    let mut all = resources::list(conn)?;
    all.retain(|resource| {
        let named =
            resource.name.as_ref().is_some_and(|name| name.to_lowercase().contains(&search));
        named || resource.uri.to_string().to_lowercase().contains(&search)
    });
    if order == Order::Name {
        all.sort_by_key(name_of);
    }
    if let Some(after) = &at.after {
        all.retain(|resource| match order {
            Order::Position => {
                after.number::<i64>().is_none_or(|(last, _)| resource.position > last)
            }
            Order::Name => after.text().is_none_or(|last| name_of(resource) > last),
        });
    }
    let most = usize::try_from(at.one_more()).unwrap_or(1);
    all.truncate(most);
    let (rows, last) = at.cut(all);
    let next = last.map(|resource| match order {
        Order::Position => Cursor::by_number(resource.position, &resource.position),
        Order::Name => {
            let (name, canonical) = name_of(&resource);
            Cursor::by_text(name, &canonical)
        }
    });
    Ok(Page { rows, next })
}

fn name_of(resource: &Resource) -> (String, String) {
    let name = resource.name.clone().unwrap_or_else(|| resource.canonical.clone());
    (name.to_lowercase(), resource.canonical.clone())
}
