//! Who may do what: users, roles and sessions.

use std::sync::Arc;

use millrace_access::{Access, AccessState, Deps, OpenError};
use millrace_base::{Clock, Rng, Tasks};
use millrace_control::Part;
use millrace_keys::Keys;

/// Opens the service.
pub(crate) async fn open(
    control: Part<AccessState>,
    keys: Arc<dyn Keys>,
    (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>),
    tasks: &Tasks,
) -> Result<Access, OpenError> {
    let deps = Deps {
        control,
        keys,
        clock,
        rng,
    };
    Access::open(deps, tasks).await
}
