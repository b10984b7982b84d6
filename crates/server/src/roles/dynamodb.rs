//! DynamoDB: the tables in which consumers keep leases and locks.

use std::sync::Arc;

use millrace_base::{Clock, Rng};
use millrace_companions::dynamodb::{Deps, Dynamodb, DynamodbState};
use millrace_control::Part;

/// Opens the service.
pub(crate) fn open(control: Part<DynamodbState>, (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>)) -> Dynamodb {
    Dynamodb::open(Deps { control, clock, rng })
}
