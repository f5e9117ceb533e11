//! What is asked on every request, remembered while nothing has changed: tokens with what they stand
//! for, resources with their rules, and the names of clients. It answers what the tables would answer,
//! and is asked in their place; `changes` says how that can be known.

use std::hash::Hash;
use std::sync::Arc;

use quick_cache::sync::Cache;

use super::access_tokens::{self, Described};
use super::changes::{Changes, Place, Stamp, Watched};
use super::resource_rules::{self, RuledResource};
use super::{DbConnection, StorageError, clients};
use crate::oauth::{ClientId, IntrospectionId, TokenId};

/// An operator has a handful of resources.
const MOST_RESOURCES: usize = 256;
/// Of clients. One that finds no place is read again.
const MOST_NAMES: usize = 4096;

/// What one storage remembers.
pub(super) struct Memory {
    changes: Arc<Changes>,
    tokens: Shelf<TokenId, Described>,
    resources: Shelf<IntrospectionId, RuledResource>,
    names: Shelf<ClientId, Option<String>>,
}

/// What was read of one kind, the least useful of which makes room.
type Shelf<K, V> = Cache<K, Read<V>>;

/// Something that was read.
struct Read<V> {
    value: Arc<V>,
    /// From before it was read.
    stamp: Stamp,
    /// Of the rows that it was read from.
    places: [Place; 2],
}

impl<V> Clone for Read<V> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), stamp: self.stamp, places: self.places }
    }
}

impl Memory {
    pub(super) fn new(changes: Arc<Changes>, tokens: usize) -> Self {
        Self {
            changes,
            tokens: Cache::new(tokens),
            resources: Cache::new(MOST_RESOURCES),
            names: Cache::new(MOST_NAMES),
        }
    }

    /// From memory if it is `trusted`, or by `read`, which answers the value and the rows that it depends
    /// on: none, if it is not to be remembered.
    fn recall<K: Hash + Eq + Clone, V>(
        &self,
        trusted: bool,
        (among, key): (&Shelf<K, V>, &K),
        read: impl FnOnce() -> Result<Option<(V, Option<[Place; 2]>)>, StorageError>,
    ) -> Result<Option<Arc<V>>, StorageError> {
        if trusted
            && let Some(found) = among.get(key)
            && self.changes.is_current(found.stamp, &found.places)
        {
            return Ok(Some(found.value));
        }
        let stamp = self.changes.stamp();
        let Some((value, places)) = read()? else { return Ok(None) };
        let value = Arc::new(value);
        if let Some(places) = places.filter(|_| trusted) {
            among.insert(key.clone(), Read { value: value.clone(), stamp, places });
        }
        Ok(Some(value))
    }
}

/// Reads the database for an endpoint that is asked on every request.
pub struct Known<'a> {
    /// For what is not remembered.
    pub conn: &'a mut DbConnection,
    memory: &'a Memory,
    /// Asked once for all that one request reads.
    trusted: bool,
}

impl<'a> Known<'a> {
    pub(super) fn new(conn: &'a mut DbConnection, memory: &'a Memory) -> Self {
        Self { conn, memory, trusted: memory.changes.are_known() }
    }

    /// The token with this key, alive or not, and what it stands for. Not remembered before its pair is
    /// confirmed: until then every request has to say that it was seen.
    ///
    /// # Errors
    /// The database's.
    pub fn token(&mut self, id: TokenId) -> Result<Option<Arc<Described>>, StorageError> {
        self.memory.recall(self.trusted, (&self.memory.tokens, &id), || {
            let Some(described) = access_tokens::describe(self.conn, id)? else { return Ok(None) };
            let grant = Place::of(Watched::Grants, &described.grant.id.0.to_string());
            let user = Place::of(Watched::Users, described.grant.user_id.as_str());
            let places = described.confirmed.then_some([grant, user]);
            Ok(Some((described, places)))
        })
    }

    /// A resource with its rules.
    ///
    /// # Errors
    /// The database's.
    pub fn resource(
        &mut self,
        id: &IntrospectionId,
    ) -> Result<Option<Arc<RuledResource>>, StorageError> {
        self.memory.recall(self.trusted, (&self.memory.resources, id), || {
            let found = resource_rules::find_with_resource(self.conn, id)?;
            Ok(found.map(|found| (found, Some([Place::of(Watched::Resources, ""); 2]))))
        })
    }

    /// What a client calls itself; none when it is gone, or says nothing.
    ///
    /// # Errors
    /// The database's.
    pub fn client_name(&mut self, id: &ClientId) -> Result<Arc<Option<String>>, StorageError> {
        let name = self.memory.recall(self.trusted, (&self.memory.names, id), || {
            let place = Place::of(Watched::Clients, id.as_str());
            Ok(Some((clients::name(self.conn, id)?, Some([place; 2]))))
        })?;
        Ok(name.unwrap_or_default())
    }
}
