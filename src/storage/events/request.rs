//! By which request an event came to be. The writer says so before each piece of work, on the one
//! thread on which events are recorded; so nobody has to hand it on.

use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static REQUEST: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// What this thread records from now on is decided by this request; or by none.
pub(in crate::storage) fn are_of(request: Option<Arc<str>>) {
    REQUEST.set(request);
}

pub(super) fn current() -> Option<String> {
    REQUEST.with_borrow(|request| request.as_deref().map(str::to_owned))
}
