//! Local keys: the contract, what is written, and what is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use millrace_base::{ManualClock, SeededRng, Timestamp};

use super::*;
use crate::contract::{self, Ground};
use crate::{KEY_BYTES, KeyState};

const REALM: &str = "realm:one:";
const DEFAULT: &str = "alias/own/default";
const DAY: Duration = Duration::from_secs(86_400);

struct World {
    keys: Arc<LocalKeys>,
    clock: ManualClock,
}

fn open(dir: Option<&Path>, seed: u64) -> Result<World, OpenError> {
    let clock = ManualClock::new(Timestamp(1_700_000_000_000));
    let keys = LocalKeys::open(Options {
        dir: dir.map(Path::to_owned),
        default_alias: Some(DEFAULT.to_owned()),
        clock: Arc::new(clock.clone()),
        rng: Arc::new(SeededRng::new(seed)),
    })?;
    Ok(World {
        keys: Arc::new(keys),
        clock,
    })
}

fn context() -> Context {
    Context::from([("a".to_owned(), "b".to_owned())])
}

fn switch(keys: &LocalKeys, id: &str, state: KeyState) {
    if keys.describe(id).state == KeyState::PendingDeletion {
        keys.cancel_deletion(REALM, id).unwrap();
    }
    match state {
        KeyState::Enabled => drop(keys.set_enabled(REALM, id, true).unwrap()),
        KeyState::Disabled => drop(keys.set_enabled(REALM, id, false).unwrap()),
        _ => drop(keys.schedule_deletion(REALM, id, DAY).unwrap()),
    }
}

impl LocalKeys {
    fn describe(&self, id: &str) -> KeyInfo {
        let all = self.list(Some(REALM));
        all.into_iter().find(|info| info.id == id).unwrap()
    }
}

#[tokio::test]
async fn local_keys_keep_the_promise() {
    let dir = tempfile::tempdir().unwrap();
    for dir in [None, Some(dir.path())] {
        let World { keys, .. } = open(dir, 1).unwrap();
        let made = keys.create(REALM, "for tests", false).unwrap();
        keys.set_alias(REALM, "alias/tests", &made.id).unwrap();
        let (switched, id) = (Arc::clone(&keys), made.id.clone());
        contract::check(&Ground {
            keys,
            realm: REALM.to_owned(),
            id: made.id,
            alias: "alias/tests".to_owned(),
            switch: Box::new(move |state| switch(&switched, &id, state)),
        })
        .await;
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let keys_dir = dir.path().join("keys");
    let (made, listed) = {
        let World { keys, .. } = open(Some(&keys_dir), 1).unwrap();
        let made = keys.make_key(REALM, DEFAULT, &context()).await.unwrap();
        let own = keys.create(REALM, "own", false).unwrap();
        keys.set_alias(REALM, "alias/own-key", &own.name).unwrap();
        keys.rotate(REALM, DEFAULT).unwrap();
        keys.set_enabled(REALM, "alias/own-key", false).unwrap();
        (made, keys.list(None))
    };
    assert_eq!(listed.len(), 2);
    let World { keys, .. } = open(Some(&keys_dir), 2).unwrap();
    assert_eq!(keys.list(None), listed);
    let unwrapped = keys.unwrap_key(&made.master, &made.wrapped, &context()).await;
    assert!(unwrapped.is_ok(), "an older version still unwraps: {unwrapped:?}");
    let newer = keys.make_key(REALM, DEFAULT, &context()).await.unwrap();
    assert_eq!(newer.wrapped[..5], [2, 0, 0, 0, 2], "the newest version wraps");
    for entry in fs::read_dir(&keys_dir).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
    assert_eq!(
        fs::metadata(&keys_dir).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[tokio::test]
async fn each_realm_has_a_default_key_made_once() {
    let World { keys, .. } = open(None, 1).unwrap();
    let refused = keys.describe_key(REALM, DEFAULT).await;
    assert!(matches!(refused, Err(KeyError::NotFound(_))), "asking makes none");
    let first = keys.make_key(REALM, DEFAULT, &context()).await.unwrap().master;
    let again = keys
        .make_key(REALM, &format!("{REALM}{DEFAULT}"), &context())
        .await;
    assert_eq!(again.unwrap().master, first);
    let other = keys.make_key("realm:two:", DEFAULT, &context()).await.unwrap();
    assert_ne!(other.master, first);
    assert_eq!(keys.list(None).len(), 2);
    // Another realm's key is none of this realm's business, whether it is there or not.
    for name in [
        other.master.as_str(),
        "realm:two:alias/none",
        "realm:two:key/none",
    ] {
        let refused = keys.make_key(REALM, name, &context()).await;
        assert!(
            matches!(refused, Err(KeyError::AccessDenied(_))),
            "{name}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_key_is_imported_once() {
    let World { keys, .. } = open(None, 1).unwrap();
    let made = keys.create(REALM, "", true).unwrap();
    assert_eq!(made.state, KeyState::PendingImport);
    let refused = keys.make_key(REALM, &made.id, &context()).await.unwrap_err();
    assert_eq!(
        refused,
        KeyError::InvalidState(format!("{} is pending import.", made.name))
    );
    let material = || Zeroizing::new([7; KEY_BYTES]);
    let imported = keys.import(REALM, &made.id, material()).unwrap();
    assert_eq!((imported.state, imported.versions), (KeyState::Enabled, 1));
    assert!(keys.import(REALM, &made.id, material()).is_err());
    assert!(keys.make_key(REALM, &made.id, &context()).await.is_ok());
    let refused = keys.rotate(REALM, &made.id).unwrap_err().to_string();
    assert!(refused.contains("was imported"), "{refused}");
}

#[test]
fn secrets_are_wrapped_and_unwrapped() {
    let World { keys, .. } = open(None, 1).unwrap();
    let (wrapped, master) = keys.wrap(REALM, DEFAULT, b"secret", &context()).unwrap();
    assert_eq!(
        keys.unwrap(&master, &wrapped, &context()).unwrap().as_slice(),
        b"secret"
    );
    keys.rotate(REALM, DEFAULT).unwrap();
    assert_eq!(
        keys.unwrap(&master, &wrapped, &context()).unwrap().as_slice(),
        b"secret"
    );
    let (again, _) = keys.wrap(REALM, DEFAULT, b"secret", &context()).unwrap();
    assert_ne!(again[5..], wrapped[5..]);
    let other = keys.unwrap(&master, &wrapped, &Context::new()).unwrap_err();
    assert!(matches!(other, KeyError::AccessDenied(_)), "{other:?}");
    assert!(keys.wrap(REALM, DEFAULT, &[0; 4097], &context()).is_err());
}

#[test]
fn pages_of_keys_and_aliases() {
    let World { keys, .. } = open(None, 1).unwrap();
    let mut ids: Vec<_> = (0..5)
        .map(|_| keys.create(REALM, "", false).unwrap().id)
        .collect();
    ids.sort();
    keys.create("realm:two:", "", false).unwrap();
    keys.create("realm:", "", false).unwrap();
    assert_eq!(keys.ids(REALM, "", 3), ids[..3]);
    assert_eq!(keys.ids(REALM, &ids[2], 3), ids[3..]);
    assert_eq!(keys.ids("realm:three:", "", 3), [""; 0]);
    for alias in ["alias/b", "alias/a", "alias/c"] {
        keys.set_alias(REALM, alias, &ids[0]).unwrap();
    }
    let other = keys.point_alias(REALM, ("alias/d", Alias::New), &ids[1]).unwrap();
    assert!(matches!(
        keys.point_alias(REALM, ("alias/d", Alias::New), &ids[1]),
        Err(ManageError::Exists(_))
    ));
    assert!(matches!(
        keys.point_alias(REALM, ("alias/e", Alias::Known), &ids[1]),
        Err(ManageError::Key(KeyError::NotFound(_)))
    ));
    let names = |found: Vec<(String, String)>| found.into_iter().map(|(alias, _)| alias).collect::<Vec<_>>();
    assert_eq!(names(keys.aliases(REALM, None, ("", 2))), ["alias/a", "alias/b"]);
    assert_eq!(
        names(keys.aliases(REALM, None, ("alias/b", 9))),
        ["alias/c", "alias/d"]
    );
    assert_eq!(
        names(keys.aliases(REALM, Some(&other.name), ("", 9))),
        ["alias/d"]
    );
    let listed = keys.list(Some(REALM));
    assert_eq!(listed.len(), 5);
    assert_eq!(listed[0].aliases.len(), 3);
    assert_eq!(keys.show(REALM, "alias/a").unwrap(), listed[0]);
}

#[test]
fn keys_that_are_due_are_removed() {
    let World { keys, clock } = open(None, 1).unwrap();
    let (gone, stays) = (
        keys.create(REALM, "", false).unwrap(),
        keys.create(REALM, "", false).unwrap(),
    );
    keys.schedule_deletion(REALM, &gone.id, DAY).unwrap();
    keys.schedule_deletion(REALM, &stays.id, 2 * DAY).unwrap();
    assert_eq!(keys.remove_due().unwrap(), [""; 0]);
    clock.advance(DAY);
    assert_eq!(keys.remove_due().unwrap(), [gone.name]);
    assert_eq!(keys.list(None).len(), 1);
    let said = keys.set_description(REALM, &stays.id, "x").unwrap_err();
    assert!(
        matches!(said, ManageError::Key(KeyError::InvalidState(_))),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_key_is_removed_only_after_its_wait() {
    let dir = tempfile::tempdir().unwrap();
    let World { keys, clock } = open(Some(dir.path()), 1).unwrap();
    let made = keys.make_key(REALM, DEFAULT, &context()).await.unwrap();
    assert!(keys.remove(REALM, DEFAULT).is_err());
    keys.schedule_deletion(REALM, DEFAULT, DAY).unwrap();
    assert!(keys.schedule_deletion(REALM, DEFAULT, DAY).is_err());
    assert!(keys.set_enabled(REALM, DEFAULT, true).is_err());
    assert!(keys.remove(REALM, DEFAULT).is_err());
    let back = keys.cancel_deletion(REALM, DEFAULT).unwrap();
    assert_eq!(back.state, KeyState::Disabled);
    assert!(keys.cancel_deletion(REALM, DEFAULT).is_err());
    keys.schedule_deletion(REALM, DEFAULT, DAY).unwrap();
    clock.advance(DAY);
    keys.remove(REALM, DEFAULT).unwrap();
    let refused = keys
        .unwrap_key(&made.master, &made.wrapped, &context())
        .await
        .unwrap_err();
    assert_eq!(
        refused,
        KeyError::NotFound(format!("Key '{}' does not exist", made.master))
    );
    drop(keys);
    let World { keys, .. } = open(Some(dir.path()), 2).unwrap();
    assert_eq!(keys.list(None), []);
    // The next use makes a new one.
    assert_ne!(
        keys.make_key(REALM, DEFAULT, &context()).await.unwrap().master,
        made.master
    );
}

#[tokio::test]
async fn an_alias_may_come_to_mean_another_key() {
    let World { keys, .. } = open(None, 1).unwrap();
    let (one, two) = (
        keys.create(REALM, "", false).unwrap(),
        keys.create(REALM, "", false).unwrap(),
    );
    keys.set_alias(REALM, "alias/a", &one.id).unwrap();
    let made = keys.make_key(REALM, "alias/a", &context()).await.unwrap();
    keys.set_alias(REALM, "alias/a", &two.id).unwrap();
    assert_eq!(
        keys.make_key(REALM, "alias/a", &context()).await.unwrap().master,
        two.name
    );
    assert!(
        keys.unwrap_key(&made.master, &made.wrapped, &context())
            .await
            .is_ok()
    );
    assert_eq!(keys.describe(&two.id).aliases, [format!("{REALM}alias/a")]);
    keys.remove_alias(REALM, "alias/a").unwrap();
    assert!(keys.remove_alias(REALM, "alias/a").is_err());
    for bad in [
        "a",
        "alias/",
        "alias/a b",
        "key/a",
        &format!("alias/{}", "a".repeat(256)),
    ] {
        let refused = keys.set_alias(REALM, bad, &one.id).unwrap_err().to_string();
        assert!(refused.contains("is no alias"), "{refused}");
    }
}

#[test]
fn what_is_damaged_or_open_to_others_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let id = {
        let World { keys, .. } = open(Some(dir.path()), 1).unwrap();
        let Err(OpenError::Locked(_)) = open(Some(dir.path()), 2).map(drop) else {
            panic!("two processes would write over each other")
        };
        keys.create(REALM, "", false).unwrap().id
    };
    let path = dir.path().join(format!("key-{id}"));
    let whole = fs::read(&path).unwrap();
    let refusal = || open(Some(dir.path()), 2).map(drop).unwrap_err().to_string();
    for (bytes, expected) in [
        (whole[..whole.len() - 1].to_vec(), "its checksum does not fit"),
        (b"millrace-keys 2 00000000\n{}".to_vec(), "another format"),
        (
            b"millrace-keys 1 00000000\n{}".to_vec(),
            "its checksum does not fit",
        ),
        (Vec::new(), "its first line is not whole"),
    ] {
        fs::write(&path, bytes).unwrap();
        let refused = refusal();
        assert!(
            refused.contains(expected) && refused.contains("backup"),
            "{refused}"
        );
    }
    fs::write(&path, &whole).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refusal().contains("chmod 600"), "{}", refusal());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let other = dir.path().join("key-00000000-0000-4000-8000-000000000000");
    fs::rename(&path, &other).unwrap();
    assert!(
        refusal().contains(&format!("it holds the key {id}")),
        "{}",
        refusal()
    );
    fs::rename(&other, &path).unwrap();
    // What a crash left half-written is none of the keys.
    fs::write(path.with_extension("new"), b"half").unwrap();
    assert_eq!(open(Some(dir.path()), 2).unwrap().keys.list(None).len(), 1);
}

#[test]
fn secrets_do_not_print() {
    let World { keys, .. } = open(None, 1).unwrap();
    keys.create(REALM, "", false).unwrap();
    let ring = keys.ring();
    let master = ring.masters.values().next().unwrap();
    let text = format!("{keys:?} {master:?}");
    assert!(text.contains("***") && !text.contains("[0"), "{text}");
}
