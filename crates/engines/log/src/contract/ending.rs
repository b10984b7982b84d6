//! What sealing and deleting promise.

use millrace_base::Timestamp;

use super::{ALL, Ground};
use crate::{Batch, LogError, LogId, LogOptions};

pub(super) async fn a_sealed_log_takes_nothing(g: Ground) {
    g.append(0..3).await;
    assert_eq!(g.log.seal(g.id).await, Ok(3));
    let refused = g.log.append(g.id, Batch::of(&["late"])).await;
    assert_eq!(refused, Err(LogError::Sealed(g.id)));
    assert_eq!(g.log.seal(g.id).await, Ok(3));
    let tail = g.log.tail(g.id).unwrap();
    assert!(tail.sealed && tail.end == 3);
    assert_eq!(g.read_all(0).await.len(), 3);
    g.log.trim(g.id, 2).await.unwrap();
    assert_eq!(g.log.tail(g.id).unwrap().start, 2);
}

pub(super) async fn seal_comes_after_what_was_queued(g: Ground) {
    let before: Vec<_> = (0..20)
        .map(|n| g.log.append(g.id, Batch::of(&[Ground::record(n)])))
        .collect();
    let seal = g.log.seal(g.id);
    let after: Vec<_> = (0..5).map(|_| g.log.append(g.id, Batch::of(&["late"]))).collect();
    for call in after {
        assert_eq!(call.await, Err(LogError::Sealed(g.id)));
    }
    assert_eq!(seal.await, Ok(20));
    for (number, call) in before.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().first, number as u64);
    }
    assert_eq!(g.read_all(0).await.len(), 20);
}

pub(super) async fn a_deleted_log_is_not_there(g: Ground) {
    g.append(0..3).await;
    g.log.delete(g.id).await.unwrap();
    all_not_found(&g, g.id).await;
}

pub(super) async fn an_unknown_log_is_not_there(g: Ground) {
    all_not_found(&g, LogId(g.id.0 + 1)).await;
    let again = g
        .log
        .create(
            g.id,
            LogOptions {
                retention: std::time::Duration::ZERO,
            },
        )
        .await;
    assert_eq!(again, Err(LogError::Exists(g.id)));
}

async fn all_not_found(g: &Ground, id: LogId) {
    let gone = LogError::NotFound(id);
    assert_eq!(g.log.append(id, Batch::of(&["x"])).await, Err(gone.clone()));
    assert_eq!(g.log.read(id, 0, ALL).await, Err(gone.clone()));
    assert_eq!(g.log.tail(id), Err(gone.clone()));
    assert_eq!(g.log.watch(id).err(), Some(gone.clone()));
    assert_eq!(g.log.offset_at(id, Timestamp(0)).await, Err(gone.clone()));
    assert_eq!(g.log.trim(id, 0).await, Err(gone.clone()));
    assert_eq!(g.log.seal(id).await, Err(gone.clone()));
    assert_eq!(g.log.delete(id).await, Err(gone.clone()));
    assert_eq!(g.log.stats(id), Err(gone));
}
