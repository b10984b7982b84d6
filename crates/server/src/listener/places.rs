//! How many connections there is room for: never so many that the log could not open its next file.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::limits::FILES_RESERVED;

/// Places for connections, `configured` at most. Raises the process's limit of open files as far as it may.
pub(super) fn places(configured: usize) -> usize {
    let limit = raised();
    let places = room(limit, configured);
    if places < configured {
        tracing::warn!(
            configured,
            places,
            limit,
            "fewer connections than server.connections_max: the limit of open files is too low, raise it with \
             'ulimit -n' or LimitNOFILE"
        );
    }
    places
}

/// The limit of open files, raised from its soft to its hard value; none is the largest number.
fn raised() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    // Where that is not allowed the soft limit stays.
    let limit = if current != maximum && setrlimit(Resource::Nofile, raised).is_ok() {
        maximum
    } else {
        current
    };
    limit.unwrap_or(u64::MAX)
}

fn room(limit: u64, configured: usize) -> usize {
    let kept = FILES_RESERVED.min(limit / 2);
    configured.min(usize::try_from(limit - kept).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_for_the_log() {
        assert_eq!(room(u64::MAX, 10_000), 10_000);
        assert_eq!(room(1 << 20, 10_000), 10_000);
        assert_eq!(room(1024, 10_000), 1024 - 400);
        assert_eq!(room(100, 10_000), 50);
        assert_eq!(room(1024, 7), 7);
    }
}
