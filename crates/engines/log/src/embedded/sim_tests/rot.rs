//! Bits that rot in a store at rest: found, named, and no more lost than what stands with them.

use super::*;
use crate::disk::sim::Rot;
use crate::limits::IN_PLACE_BYTES_MAX;

/// What came of one bit.
#[derive(Debug, Default)]
struct Found {
    refused: u64,
    local: u64,
    harmless: u64,
}

/// A store with everything acknowledged, and one more batch behind that: what is written last has no witness.
fn store_at_rest(seed: u64) -> Sim {
    let mut sim = Sim::new(seed);
    // Else no batch says that those before it are durable, and any of them may be the last.
    sim.options.durability = Durability::Fsync;
    sim.run();
    sim.disk.set_faults(Faults::default());
    let core = recovery::open(&sim.options).expect("a healthy store opens");
    for witnessed in [true, false] {
        let step = sim.model.invent_append(&|sides| sim.dice.next_u64() % sides);
        let mut call = step.submit(&core);
        let mut group = Vec::new();
        core.shared.queue.take(&mut group);
        core.commit(group);
        let result = call.result();
        if witnessed {
            sim.model.acknowledge(&call.step, &result);
        } else {
            sim.model.on_its_way(call.step.clone());
        }
    }
    sim
}

fn rotten(sim: &mut Sim, found: &mut Found) {
    let Some(Rot { name, position }) = sim.disk.rot(|_| true) else {
        return;
    };
    match recovery::open(&sim.options) {
        Err(OpenError::Damaged { file, detail }) => {
            // Tables that lost their last edits are noticed by what they do not say any more, and a batch whose header
            // rotted by its successor, which misses it.
            let vague = name == "MANIFEST" || (name.starts_with("wal-") && file.starts_with("wal-"));
            assert!(
                file == name || vague,
                "{name} is rotten at {position}, and {file} is blamed: {detail}"
            );
            found.refused += 1;
        }
        Err(OpenError::Version { file, .. }) => {
            assert_eq!(file, name);
            found.refused += 1;
        }
        Err(other) => panic!("{name} is rotten at {position}: {other}"),
        Ok(core) => {
            sim.model.settle(&core);
            let lost = sim.model.verify_damaged(&core, &name);
            if lost == 0 {
                found.harmless += 1;
                return;
            }
            assert!(
                name.starts_with("seg-"),
                "{name} is rotten at {position}: {lost} bytes are lost"
            );
            assert!(
                lost <= IN_PLACE_BYTES_MAX + 20_000,
                "one bit of {name} costs {lost} bytes"
            );
            found.local += 1;
        }
    }
}

#[test]
fn a_rotten_bit_is_named_and_costs_a_block_at_most() {
    let mut found = Found::default();
    for seed in 0..400 {
        let run = std::panic::catch_unwind(|| {
            let (mut sim, mut found) = (store_at_rest(seed), Found::default());
            rotten(&mut sim, &mut found);
            found
        });
        let one = run.unwrap_or_else(|_| panic!("seed {seed} fails"));
        found.refused += one.refused;
        found.local += one.local;
        found.harmless += one.harmless;
    }
    println!("{found:?}");
    assert!(
        found.refused > 0 && found.local > 0 && found.harmless > 0,
        "{found:?}"
    );
}

/// Found by the simulation: with nothing left in the write-ahead log to contradict it, a store whose tables had lost their
/// last edits came up as it was before them, and removed the sealed files as leftovers.
#[test]
fn tables_that_lost_an_edit_do_not_take_sealed_records_along() {
    let mut sim = Sim::new(1);
    sim.options.durability = Durability::Fsync;
    let core = recovery::open(&sim.options).unwrap();
    let commit = |step: Step| {
        let call = step.submit(&core);
        let mut group = Vec::new();
        core.shared.queue.take(&mut group);
        core.commit(group);
        call
    };
    commit(Step::Create(1, 1)).result().unwrap();
    core.seal_now(&mut |_| {});
    drop(core);
    sim.disk.reboot(Crash::Kill);
    let core = recovery::open(&sim.options).unwrap();
    let call = Step::Append(1, vec![b"acknowledged".to_vec()]).submit(&core);
    let mut group = Vec::new();
    core.shared.queue.take(&mut group);
    core.commit(group);
    drop(call);
    assert!(core.seal_now(&mut |_| {}));
    drop(core);
    sim.disk.reboot(Crash::Kill);
    for name in sim
        .disk
        .files()
        .into_keys()
        .filter(|name| name.starts_with("wal-"))
    {
        sim.disk.damage(&name, |bytes| bytes.fill(0));
    }
    sim.disk.damage("MANIFEST", |bytes| {
        let last = bytes.iter_mut().rev().find(|byte| **byte != 0);
        *last.expect("it is not empty") ^= 1;
    });
    let refused = recovery::open(&sim.options).err();
    assert!(
        matches!(&refused, Some(OpenError::Damaged { file, .. }) if file == "MANIFEST"),
        "{refused:?}"
    );
    assert!(
        sim.disk.files().keys().any(|name| name.starts_with("seg-")),
        "it was removed"
    );
}
