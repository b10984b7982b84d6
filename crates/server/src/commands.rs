//! The parts of the control plane: who owns which number in its log. A number is never used again.

use millrace_access::AccessState;
use millrace_companions::dynamodb::DynamodbState;
use millrace_control::{Builder, Part};
use millrace_log::LogId;
use millrace_streams::StreamsState;

/// The control plane's own log. Services number theirs from 2^56 on.
pub(crate) const CONTROL_LOG: LogId = LogId(0);

/// Kinesis Data Streams.
const STREAMS: u16 = 1;

/// Users, roles and policies.
const ACCESS: u16 = 2;

/// DynamoDB's tables.
const DYNAMODB: u16 = 3;

/// Every part of this version.
pub(crate) struct Parts {
    pub(crate) streams: Part<StreamsState>,
    pub(crate) access: Part<AccessState>,
    pub(crate) dynamodb: Part<DynamodbState>,
}

impl Parts {
    /// Adds every part to a control plane.
    pub(crate) fn of(builder: &mut Builder) -> Self {
        Self {
            streams: builder.part(STREAMS),
            access: builder.part(ACCESS),
            dynamodb: builder.part(DYNAMODB),
        }
    }
}
