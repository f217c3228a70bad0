//! The rows of a table, at which all processors work.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What comes of each row, in their order.
pub(crate) fn each<T: Sync, R: Send>(rows: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(row) = rows.get(at) else { return done };
            done.push((at, work(row)));
        }
    };
    let mut all = thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(take)).collect();
        let done = workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"));
        done.flatten().collect::<Vec<_>>()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

/// All pairs of one of `ones` and one of `others`.
pub(crate) fn pairs<A: Copy, B: IntoIterator<IntoIter: Clone>>(
    ones: impl IntoIterator<Item = A>,
    others: B,
) -> Vec<(A, B::Item)> {
    let others = others.into_iter();
    let of_one = |one| others.clone().map(move |other| (one, other));
    ones.into_iter().flat_map(of_one).collect()
}
