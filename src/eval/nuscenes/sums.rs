//! Means and interpolation as numpy does them, so that figures agree to the last digits.

/// The sum in numpy's order: by halves down to 128 values, each block in eight running sums.
pub fn sum(values: &[f64]) -> f64 {
    match values.len() {
        0..8 => values.iter().sum(),
        8..=128 => {
            let (blocks, rest) = values.as_chunks::<8>();
            let mut sums = blocks[0];
            for block in &blocks[1..] {
                for (sum, value) in sums.iter_mut().zip(block) {
                    *sum += value;
                }
            }
            let [a, b, c, d, e, f, g, h] = sums;
            let total = ((a + b) + (c + d)) + ((e + f) + (g + h));
            rest.iter().fold(total, |total, value| total + value)
        }
        length => {
            let half = length / 2 - (length / 2) % 8;
            sum(&values[..half]) + sum(&values[half..])
        }
    }
}

/// The mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    sum(values) / values.len() as f64
}

/// The mean of those that are numbers; NaN where none is.
pub fn mean_of_numbers(values: &[f64]) -> f64 {
    let count = values.iter().filter(|value| !value.is_nan()).count();
    let zeroed: Vec<_> =
        values.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect();
    sum(&zeroed) / count as f64
}

/// The mean of all values so far, for each place, skipping NaN: 0 before the first number, and 1
/// everywhere where there is none at all.
pub fn running_mean(values: &mut [f64]) {
    if values.iter().all(|value| value.is_nan()) {
        values.fill(1.0);
        return;
    }
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        if !value.is_nan() {
            sum += *value;
            count += 1.0;
        }
        *value = if count > 0.0 { sum / count } else { 0.0 };
    }
}

/// The value at `x` of the line through the points (`xs`, `ys`), `xs` ascending, not empty. Of equal
/// abscissae the last counts; below the first the first value, above the last `beyond`.
pub fn interpolate(x: f64, xs: &[f64], ys: &[f64], beyond: f64) -> f64 {
    let behind = xs.partition_point(|&known| known <= x);
    if behind == 0 {
        return ys[0];
    }
    let at = behind - 1;
    if xs[at] == x {
        return ys[at];
    }
    if behind == xs.len() {
        return beyond;
    }
    let slope = (ys[behind] - ys[at]) / (xs[behind] - xs[at]);
    slope * (x - xs[at]) + ys[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_the_same_to_rounding_in_whatever_order() {
        for length in [0, 1, 7, 8, 9, 90, 101, 128, 129, 1000] {
            let values: Vec<_> = (0..length).map(|i| f64::from(i) * 0.1).collect();
            let plain: f64 = values.iter().sum();
            assert!((sum(&values) - plain).abs() <= 1e-12 * plain.max(1.0), "{length}");
        }
    }

    #[test]
    fn a_running_mean_skips_what_is_no_number() {
        let mut values = [f64::NAN, 2.0, f64::NAN, 4.0];
        running_mean(&mut values);
        assert_eq!(values, [0.0, 2.0, 2.0, 3.0]);
        let mut nothing = [f64::NAN; 3];
        running_mean(&mut nothing);
        assert_eq!(nothing, [1.0; 3]);
    }

    #[test]
    fn of_equal_abscissae_the_last_counts() {
        let (xs, ys) = ([0.2, 0.5, 0.5, 1.0], [1.0, 2.0, 4.0, 6.0]);
        let at = |x| interpolate(x, &xs, &ys, -1.0);
        assert_eq!([at(0.0), at(0.2), at(0.5), at(1.0), at(1.1)], [1.0, 1.0, 4.0, 6.0, -1.0]);
        assert!((at(0.35) - 1.5).abs() < 1e-12);
        assert_eq!(at(0.75), 5.0);
    }
}
