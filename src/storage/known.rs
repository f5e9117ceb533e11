//! What is asked on every request, remembered while nothing has changed: tokens with what they stand
//! for, resources, clients, and whether a person may be here. It answers what the tables would answer,
//! and is asked in their place; `changes` says how that can be known.

use std::cell::RefCell;
use std::hash::Hash;
use std::sync::Arc;

use quick_cache::sync::Cache;

use super::access_tokens::{self, Described};
use super::changes::{Changes, Place, Stamp, Watched};
use super::clients::{self, Client};
use super::resource_rules::{self, RuledResource};
use super::resources::{self, Resource};
use super::{DbConnection, StorageError, users};
use crate::oauth::{ClientId, IntrospectionId, ResourceUri, TokenId, UserId};

/// An operator has a handful of resources.
const MOST_RESOURCES: usize = 256;
/// Of clients, and of people. One that finds no place is read again.
const MOST_OTHERS: usize = 1024;
/// Of texts that tokens have in common.
const MOST_TEXTS: usize = 4096;

/// What one storage remembers.
pub(super) struct Memory {
    changes: Arc<Changes>,
    tokens: Shelf<TokenId, Described>,
    texts: Texts,
    ruled_resources: Shelf<IntrospectionId, RuledResource>,
    resources: Shelf<ResourceUri, Resource>,
    clients: Shelf<ClientId, Client>,
    enabled: Shelf<UserId, bool>,
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
            texts: Texts(Cache::new(MOST_TEXTS)),
            ruled_resources: Cache::new(MOST_RESOURCES),
            resources: Cache::new(MOST_RESOURCES),
            clients: Cache::new(MOST_OTHERS),
            enabled: Cache::new(MOST_OTHERS),
        }
    }
}

/// Ids, names, scopes and URLs, once for all the tokens that have them: what is in the processor's cache
/// for one is there for the next.
struct Texts(Cache<Arc<str>, Arc<str>>);

impl Texts {
    fn share(&self, text: &mut Arc<str>) {
        match self.0.get(&**text) {
            Some(known) => *text = known,
            None => self.0.insert(text.clone(), text.clone()),
        }
    }
}

thread_local! {
    /// Of the writer thread of one storage.
    static OF_WRITER: RefCell<Option<Arc<Memory>>> = const { RefCell::new(None) };
}

/// This thread writes, and nobody else may while it does.
pub(super) fn belongs_to_writer(memory: Arc<Memory>) {
    OF_WRITER.set(Some(memory));
}

/// Reads as [`Known`] does, in a piece of work of the writer, whose transaction has begun with a look at
/// what others have changed. Elsewhere, and of what the transaction itself has changed, the database.
pub fn within<T>(conn: &mut DbConnection, read: impl FnOnce(&mut Known<'_>) -> T) -> T {
    OF_WRITER.with_borrow(|memory| {
        read(&mut Known { conn, memory: memory.as_deref(), in_transaction: true })
    })
}

/// Reads the database for an endpoint that is asked on every request.
pub struct Known<'a> {
    /// For what is not remembered.
    pub conn: &'a mut DbConnection,
    /// None, if it is not to be believed: asked once for all that one request reads.
    memory: Option<&'a Memory>,
    in_transaction: bool,
}

/// What was read, and of which rows; without them it is not remembered.
type Found<V> = Option<(V, Option<[Place; 2]>)>;

impl<'a> Known<'a> {
    pub(super) fn new(conn: &'a mut DbConnection, memory: &'a Memory) -> Self {
        let memory = Some(memory).filter(|memory| memory.changes.are_known());
        Self { conn, memory, in_transaction: false }
    }

    /// From memory, or by `read`.
    fn recall<K: Hash + Eq + Clone, V>(
        &mut self,
        from: fn(&Memory) -> &Shelf<K, V>,
        key: &K,
        read: impl FnOnce(&mut DbConnection) -> Result<Found<V>, StorageError>,
    ) -> Result<Option<Arc<V>>, StorageError> {
        let Some(memory) = self.memory else {
            return Ok(read(self.conn)?.map(|(value, _)| Arc::new(value)));
        };
        let (among, changes) = (from(memory), &memory.changes);
        // Of the transaction under way, which may be rolled back.
        let is_settled = |places: &[Place]| !self.in_transaction || !changes.are_pending(places);
        if let Some(found) = among.get(key)
            && changes.is_current(found.stamp, &found.places)
            && is_settled(&found.places)
        {
            return Ok(Some(found.value));
        }
        let stamp = changes.stamp();
        let Some((value, places)) = read(self.conn)? else { return Ok(None) };
        let value = Arc::new(value);
        if let Some(places) = places.filter(|places| is_settled(places)) {
            among.insert(key.clone(), Read { value: value.clone(), stamp, places });
        }
        Ok(Some(value))
    }

    /// The token with this key, alive or not, and what it stands for. Not remembered before its pair is
    /// confirmed: until then every request has to say that it was seen.
    ///
    /// # Errors
    /// The database's.
    pub fn token(&mut self, id: TokenId) -> Result<Option<Arc<Described>>, StorageError> {
        let texts = self.memory.map(|memory| &memory.texts);
        self.recall(
            |memory| &memory.tokens,
            &id,
            |conn| {
                let described = access_tokens::describe(conn, id)?;
                let Some(mut described) = described else { return Ok(None) };
                // Others are read again each time.
                if let Some(texts) = texts.filter(|_| described.confirmed) {
                    described.texts_mut().for_each(|text| texts.share(text));
                }
                let grant = Place::of(Watched::Grants, &described.grant.id.0.to_string());
                let user = Place::of(Watched::Users, described.grant.user_id.as_str());
                let places = described.confirmed.then_some([grant, user]);
                Ok(Some((described, places)))
            },
        )
    }

    /// A resource with its rules.
    ///
    /// # Errors
    /// The database's.
    pub fn resource(
        &mut self,
        id: &IntrospectionId,
    ) -> Result<Option<Arc<RuledResource>>, StorageError> {
        self.recall(
            |memory| &memory.ruled_resources,
            id,
            |conn| {
                let found = resource_rules::find_with_resource(conn, id)?;
                Ok(found.map(|found| (found, Some([Place::of(Watched::Resources, ""); 2]))))
            },
        )
    }

    /// The resource at this URL, in whatever spelling.
    ///
    /// # Errors
    /// The database's.
    pub fn resource_at(
        &mut self,
        uri: &ResourceUri,
    ) -> Result<Option<Arc<Resource>>, StorageError> {
        self.recall(
            |memory| &memory.resources,
            uri,
            |conn| {
                let found = resources::find_by_uri(conn, uri)?;
                Ok(found.map(|found| (found, Some([Place::of(Watched::Resources, ""); 2]))))
            },
        )
    }

    /// The client of this id, disabled or not.
    ///
    /// # Errors
    /// The database's.
    pub fn client(&mut self, id: &ClientId) -> Result<Option<Arc<Client>>, StorageError> {
        self.recall(
            |memory| &memory.clients,
            id,
            |conn| {
                let place = Place::of(Watched::Clients, id.as_str());
                Ok(clients::find(conn, id)?.map(|client| (client, Some([place; 2]))))
            },
        )
    }

    /// Whether there is such a person, whose account is not disabled.
    ///
    /// # Errors
    /// The database's.
    pub fn is_enabled(&mut self, id: &UserId) -> Result<bool, StorageError> {
        let enabled = self.recall(
            |memory| &memory.enabled,
            id,
            |conn| {
                let place = Place::of(Watched::Users, id.as_str());
                let user = users::find(conn, id)?;
                let enabled = user.is_some_and(|user| user.disabled_at.is_none());
                Ok(Some((enabled, Some([place; 2]))))
            },
        )?;
        Ok(enabled.is_some_and(|enabled| *enabled))
    }
}
