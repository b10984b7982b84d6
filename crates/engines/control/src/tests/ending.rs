//! Control planes that come and go.

use millrace_log::LogError;

use super::*;

#[tokio::test]
async fn a_log_that_is_missing_is_not_brought_back() {
    let (log, blobs) = (memory_log(), Blobs::memory());
    let existing = || Options {
        create: false,
        ..Options::default()
    };
    let missing = Node::open(&log, &blobs, existing()).await.err();
    assert_eq!(missing, Some(ControlError::Log(LogError::NotFound(LOG))));
    assert_eq!(log.tail(LOG), Err(LogError::NotFound(LOG)));
    for _ in 0..2 {
        crate::create(&*log, LOG).await.unwrap();
    }
    let node = Node::open(&log, &blobs, existing()).await.unwrap();
    node.first.propose(deposit("a", 1, 0)).await.unwrap();
    node.stop().await;
}

#[tokio::test]
async fn what_is_deleted_leaves_nothing() {
    let (log, blobs) = (memory_log(), Blobs::memory());
    let node = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    node.first.propose(deposit("a", 1, 0)).await.unwrap();
    node.control.snapshot_now().await.unwrap();
    node.first.propose(deposit("a", 1, 0)).await.unwrap();
    node.control.snapshot_now().await.unwrap();
    node.stop().await;
    blobs.put("control/other", bytes::Bytes::new()).await.unwrap();
    assert_eq!(blobs.list("control").await.unwrap().len(), 3);
    for _ in 0..2 {
        crate::delete(&*log, LOG, blobs.clone()).await.unwrap();
        assert_eq!(log.tail(LOG), Err(LogError::NotFound(LOG)));
        let left = blobs.list("control").await.unwrap();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}
