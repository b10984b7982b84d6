//! What watching promises.

use super::Ground;
use crate::LogError;

pub(super) async fn watch_follows_the_tail(g: Ground) {
    g.append(0..1).await;
    let mut watch = g.log.watch(g.id).unwrap();
    assert_eq!(watch.borrow_and_update().end, 1);
    let append = g.append(1..4);
    let (changed, ()) = tokio::join!(watch.changed(), append);
    changed.unwrap();
    assert_eq!(watch.borrow_and_update().end, 4);
    assert_eq!(g.read_all(0).await.len(), 4);
}

pub(super) async fn watch_sees_seal_and_delete(g: Ground) {
    let mut watch = g.log.watch(g.id).unwrap();
    g.log.seal(g.id).await.unwrap();
    watch.changed().await.unwrap();
    assert!(watch.borrow_and_update().sealed);
    g.log.delete(g.id).await.unwrap();
    assert!(
        watch.changed().await.is_err(),
        "nobody can wait for a deleted log"
    );
    assert_eq!(g.log.watch(g.id).err(), Some(LogError::NotFound(g.id)));
}
