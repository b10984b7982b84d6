//! Windows and what is derived from them.

use proptest::prelude::*;

use super::window::Window;
use super::*;

fn stats(count: f64, sum: f64, min: f64, max: f64) -> Statistics {
    Statistics { count, sum, min, max }
}

#[test]
fn a_window_is_what_was_added_since() {
    let window = Window::default();
    for value in [5, 2, 9] {
        window.add(value);
    }
    assert_eq!(window.take(3, 1.0), Some(stats(3.0, 16.0, 2.0, 9.0)));
    assert_eq!(window.take(0, 1.0), None);
    window.add(7_000);
    assert_eq!(window.take(1, 1e-3), Some(stats(1.0, 7.0, 7.0, 7.0)));
    // Counted already, summed in the next minute.
    assert_eq!(window.take(2, 1.0), Some(stats(2.0, 0.0, 0.0, 0.0)));
}

#[test]
fn a_windowed_counter_never_goes_back() {
    let counter = Windowed::default();
    counter.add(3);
    counter.add(4);
    assert_eq!(counter.take(), Some(stats(2.0, 7.0, 3.0, 4.0)));
    assert_eq!((counter.take(), counter.get()), (None, 7));
}

#[test]
fn meters_that_nobody_holds_and_nobody_used_are_forgotten() {
    let meters: Meters<u8, Windowed> = Meters::default();
    let idle = |meter: &Windowed| meter.get() == 0;
    let held = meters.get(1, 2, Windowed::default).unwrap();
    meters.get(2, 2, Windowed::default).unwrap().add(1);
    assert!(meters.get(3, 2, Windowed::default).is_none(), "no room");
    assert!(meters.get(1, 2, Windowed::default).is_some(), "known already");
    assert_eq!(meters.all(idle).len(), 2);
    drop(held);
    assert_eq!(meters.all(idle).len(), 1, "one was used");
    assert!(meters.get(3, 2, Windowed::default).is_some());
}

#[test]
fn nothing_is_lost_between_threads() {
    let counter = Arc::new(Windowed::default());
    let taken = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50_000).for_each(|_| counter.add(2)));
        }
        let taker = scope.spawn(|| {
            let mut sums = (0.0, 0.0);
            for _ in 0..1000 {
                if let Some(taken) = counter.take() {
                    sums = (sums.0 + taken.count, sums.1 + taken.sum);
                }
            }
            sums
        });
        taker.join().unwrap()
    });
    counter.add(0);
    let rest = counter.take().unwrap();
    assert_eq!((taken.0 + rest.count, taken.1 + rest.sum), (200_001.0, 400_000.0));
}

proptest! {
    #[test]
    fn statistics_are_those_of_the_values(values in prop::collection::vec(0u64..1000, 1..50)) {
        let counter = Windowed::default();
        values.iter().for_each(|value| counter.add(*value));
        let least = *values.iter().min().unwrap();
        let greatest = *values.iter().max().unwrap();
        let sum: u64 = values.iter().sum();
        let expected = stats(values.len() as f64, sum as f64, least as f64, greatest as f64);
        prop_assert_eq!(counter.take(), Some(expected));
    }
}
