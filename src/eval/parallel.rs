//! Work shared out to threads; results come back in the work's order, whoever did it, so that no
//! figure depends on how many threads there are.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Items that a thread takes at once where each is little work.
const AT_ONCE: usize = 64;

/// How many threads to use: as many as the machine has cores where `asked` is 0.
pub(super) fn threads(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        asked => asked,
    }
}

/// Threads take the jobs one by one: for jobs of much and unequal work.
pub(super) fn in_turn<J: Sync, R: Send>(
    jobs: &[J],
    threads: usize,
    run: impl Fn(&J) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut mine = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { return mine };
            mine.push((index, run(job)));
        }
    };
    let mut all: Vec<(usize, R)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(jobs.len())).map(|_| scope.spawn(worker)).collect();
        let mut all = worker();
        for other in others {
            all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    all.sort_unstable_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, result)| result).collect()
}

/// Applies `f` to many items of little work each; gives the results, or the first error in the items'
/// order.
pub(super) fn try_map<T: Sync, R: Send, E: Send>(
    items: &[T],
    threads: usize,
    f: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let parts: Vec<&[T]> = items.chunks(AT_ONCE).collect();
    let done = in_turn(&parts, threads, |part| part.iter().map(&f).collect::<Result<Vec<R>, E>>());
    let mut all = Vec::with_capacity(items.len());
    for part in done {
        all.extend(part?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_work_and_the_first_error_wins() {
        let items: Vec<usize> = (0..1000).collect();
        for threads in [1, 2, 7] {
            let doubled = try_map(&items, threads, |n| Ok::<_, usize>(2 * n)).unwrap();
            assert!(doubled.iter().enumerate().all(|(at, value)| *value == 2 * at));
            let odd = try_map(&items, threads, |n| if *n < 300 { Ok(()) } else { Err(*n) });
            assert_eq!(odd, Err(300));
            assert_eq!(in_turn(&items[..3], threads, |n| n + 1), [1, 2, 3]);
        }
        assert!(in_turn(&items[..0], 4, |n| *n).is_empty());
    }
}
