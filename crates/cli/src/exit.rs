//! What the process's exit status says.

use std::io;
use std::process::ExitCode;

use crate::client::CallError;
use crate::output::note;

/// The exit statuses, as `millrace --help` shows them. Numbers are never reused.
pub(crate) const HELP: &str = "\
Exit status:
  0    done
  1    failed; standard error says why
  2    the command line is wrong
  3    done in part: some records were not taken
  4    the stream, shard, consumer or key does not exist
  5    the server cannot be reached
  130  interrupted before it was done";

/// Why a command ends with a status of its own, without another word on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Early {
    /// Some records were not taken; the result said which.
    #[error("some records were not taken")]
    Partial,
    /// A check failed; the result said which.
    #[error("a check failed")]
    Failed,
    /// The user interrupted what was not done.
    #[error("interrupted")]
    Interrupted,
}

/// Whether an error code says that something is not there.
fn is_missing(code: &str) -> bool {
    matches!(code, "ResourceNotFoundException" | "NotFoundException")
}

/// The exit status of a command's end.
pub(crate) fn code(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    if let Some(early) = error.downcast_ref::<Early>() {
        return ExitCode::from(match early {
            Early::Partial => 3,
            Early::Failed => 1,
            Early::Interrupted => 130,
        });
    }
    let broken_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    if error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(broken_pipe))
    {
        return ExitCode::SUCCESS;
    }
    note(format_args!("millrace: {error:#}"));
    let status = match error.chain().find_map(|cause| cause.downcast_ref::<CallError>()) {
        Some(CallError::Api { code, .. }) if is_missing(code) => 4,
        Some(CallError::Unreachable { .. }) => 5,
        _ => 1,
    };
    ExitCode::from(status)
}
