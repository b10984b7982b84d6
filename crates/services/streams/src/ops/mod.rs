//! The operations: one file each, so that this folder's listing is the supported API.
//!
//! An ordinary operation is `call(streams, caller, input) -> Result<Output, StreamsError>` over the generated types;
//! [`typed`] decodes and encodes around it. A hot one takes the raw body and answers a [`Reply`] itself.

use bytes::Bytes;
use millrace_api::{Operation, Typed};
use millrace_wire::{ApiError, Caller, Codec, Reply};

use crate::error::StreamsError;
use crate::service::Streams;

/// A call that is being answered.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) streams: &'a Streams,
    pub(crate) caller: &'a Caller,
    pub(crate) op: &'static Operation,
    pub(crate) codec: Codec,
    pub(crate) body: Bytes,
}

/// Finds the operation and runs it.
pub(crate) async fn dispatch(
    streams: &Streams,
    caller: &Caller,
    op: &'static Operation,
    codec: Codec,
    body: Bytes,
) -> Result<Reply, StreamsError> {
    streams.admit_account(op.name, caller)?;
    let call = Call {
        streams,
        caller,
        op,
        codec,
        body,
    };
    match op.name {
        other => Err(StreamsError::NotBuilt(other)),
    }
}

/// Decodes the input, runs the operation, encodes its output.
async fn typed<'a, I, O, F, R>(call: Call<'a>, run: F) -> Result<Reply, StreamsError>
where
    I: Typed,
    O: Typed,
    F: FnOnce(&'a Streams, &'a Caller, I) -> R,
    R: Future<Output = Result<O, StreamsError>>,
{
    let input = input(&call)?;
    let output = run(call.streams, call.caller, input).await?;
    let shape = call
        .op
        .output
        .ok_or_else(|| ApiError::internal("the operation has no output shape"))?;
    Ok(Reply::Body(call.codec.encode(shape, &output.into_value()).into()))
}

/// The same for an operation that answers an empty body.
async fn silent<'a, I, F, R>(call: Call<'a>, run: F) -> Result<Reply, StreamsError>
where
    I: Typed,
    F: FnOnce(&'a Streams, &'a Caller, I) -> R,
    R: Future<Output = Result<(), StreamsError>>,
{
    let input = input(&call)?;
    run(call.streams, call.caller, input).await?;
    Ok(Reply::Body(Bytes::new()))
}

fn input<I: Typed>(call: &Call<'_>) -> Result<I, StreamsError> {
    let shape = call
        .op
        .input
        .ok_or_else(|| ApiError::internal("the operation has no input shape"))?;
    Ok(call.codec.request(shape, &call.body)?)
}
