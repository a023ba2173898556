//! The list of handles that coins may be paid to.

use purser_kit::console::RequestContext;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use crate::error::Error;
use crate::store::handle::{self as store, Handle};

/// Decides on a handle for the list, under this fresh id. `handle` is in lower case; `provider` says whose it is, 1 to 100
/// characters.
///
/// # Errors
/// [`Error::HandleListed`].
pub fn handle_new(
    tx: &mut ReadTx<'_>,
    cx: &RequestContext,
    id: Uuid,
    handle: &str,
    provider: &str,
) -> Result<Handle, Error> {
    if store::handle_by_name(tx, handle)?.is_some() {
        return Err(Error::HandleListed(handle.to_owned()));
    }
    let (handle, provider) = (handle.to_owned(), provider.to_owned());
    Ok(Handle { id, handle, provider, added_by: cx.actor.clone(), added_at: cx.now })
}

/// Puts the handle on the list.
///
/// # Errors
/// The store's.
pub fn handle_write(tx: &mut WriteTx<'_>, handle: Handle) -> Result<Handle, Error> {
    store::handle_insert(tx, &handle)?;
    Ok(handle)
}

/// Says anew whose a handle is.
///
/// # Errors
/// [`Error::NoHandle`].
pub fn handle_change(tx: &mut WriteTx<'_>, id: Uuid, provider: &str) -> Result<Handle, Error> {
    let handle = store::handle_find(tx, id)?.ok_or(Error::NoHandle)?;
    store::handle_rename(tx, id, provider)?;
    Ok(Handle { provider: provider.to_owned(), ..handle })
}

/// Takes a handle off the list. Withdrawals to it that were asked for before go on.
///
/// # Errors
/// [`Error::NoHandle`].
pub fn handle_remove(tx: &mut WriteTx<'_>, id: Uuid) -> Result<Handle, Error> {
    let handle = store::handle_find(tx, id)?.ok_or(Error::NoHandle)?;
    store::handle_delete(tx, id)?;
    Ok(handle)
}
