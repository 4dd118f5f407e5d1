//! Properties of nucleolus, least core and core: every answer is proved by its certificate, with
//! arithmetic that shares nothing with the solver, and equals what linear programs over all
//! coalitions find by HiGHS.

use proptest::prelude::*;
use rayon::ThreadPoolBuilder;
use sesgame_engine::coalition::{Coalition, members};
use sesgame_engine::linear_program::Model;
use sesgame_engine::progress::Progress;
use sesgame_engine::stability::excess::{Kind, coalitions_at_least, worst_coalition};
use sesgame_engine::stability::least_core::{Core, core, least_core};
use sesgame_engine::stability::nucleolus::{Nucleolus, nucleoli, nucleolus};
use sesgame_engine::stability::row_generation::{Concept, Stage};

/// Of the largest value of the table.
const AGREEMENT: f64 = 1e-8;
/// Of the largest gain over being alone: smaller differences are none, for the engine too.
const RESOLUTION: f64 = 1e-9;
/// Of the values in a sum of at most ten: what floats add to it.
const ROUNDING: f64 = 1e-14;

#[derive(Debug, Clone)]
struct Game {
    table: Vec<f64>,
    kind: Kind,
}

impl Game {
    fn n_players(&self) -> usize {
        self.table.len().trailing_zeros() as usize
    }

    fn grand(&self) -> Coalition {
        (self.table.len() - 1) as Coalition
    }

    fn proper(&self) -> impl Iterator<Item = Coalition> + use<> {
        1..self.grand()
    }

    fn scale(&self) -> f64 {
        self.table.iter().fold(0.0, |scale, value| scale.max(value.abs()))
    }

    /// The largest difference between what a coalition has and what its members have alone.
    fn largest_gain(&self) -> f64 {
        let alone: Vec<f64> = (0..self.n_players()).map(|player| self.table[1 << player]).collect();
        (1..=self.grand())
            .map(|coalition| self.excess(coalition, &alone, false).abs())
            .fold(0.0, f64::max)
    }

    fn excess(&self, coalition: Coalition, x: &[f64], per_capita: bool) -> f64 {
        let share: f64 = members(coalition).map(|player| x[player]).sum();
        let excess = self.kind.sign() * (self.table[coalition as usize] - share);
        if per_capita { excess / f64::from(coalition.count_ones()) } else { excess }
    }
}

/// Any numbers; few different whole ones; zeros and ones; additive but for one coalition, so that
/// almost everything is tight.
fn table(most_players: usize) -> impl Strategy<Value = Vec<f64>> {
    let any_of = |value: BoxedStrategy<f64>| {
        (1..=most_players)
            .prop_flat_map(move |n_players| prop::collection::vec(value.clone(), 1 << n_players))
    };
    let additive = (
        prop::collection::vec(-9..9_i32, 1..=most_players),
        any::<prop::sample::Index>(),
        -5..5_i32,
    )
        .prop_map(|(own, place, change)| {
            let sum = |mask| members(mask).map(|player| f64::from(own[player])).sum();
            let mut table: Vec<f64> = (0..1 << own.len()).map(sum).collect();
            let place = place.index(table.len());
            table[place] += f64::from(change);
            table
        });
    prop_oneof![
        any_of((-50.0..100.0).boxed()),
        any_of((-3..8_i32).prop_map(f64::from).boxed()),
        any_of((0..2_i32).prop_map(f64::from).boxed()),
        additive,
    ]
}

/// Values of every order of magnitude.
fn scattered_table(most_players: usize) -> impl Strategy<Value = Vec<f64>> {
    let value = (-9..=9_i32, -10.0..10.0).prop_map(|(power, value)| value * 10_f64.powi(power));
    (1..=most_players)
        .prop_flat_map(move |n_players| prop::collection::vec(value.clone(), 1 << n_players))
}

fn game(table: impl Strategy<Value = Vec<f64>>) -> impl Strategy<Value = Game> {
    (table, any::<bool>()).prop_map(|(mut table, gain)| {
        table[0] = 0.0;
        Game { table, kind: if gain { Kind::Gain } else { Kind::Cost } }
    })
}

fn any_game(most_players: usize) -> impl Strategy<Value = Game> {
    prop_oneof![4 => game(table(most_players)), 1 => game(scattered_table(most_players))]
}

fn concept() -> impl Strategy<Value = Concept> {
    (any::<bool>(), any::<bool>()).prop_map(|(per_capita, individually_rational)| Concept {
        per_capita,
        individually_rational,
        accuracy: 0.0,
    })
}

/// Vectors in echelon form.
#[derive(Default)]
struct Span(Vec<(usize, Vec<f64>)>);

impl Span {
    /// What is left of a vector when the span is taken out of it.
    fn rest(&self, mut vector: Vec<f64>) -> Vec<f64> {
        for (lead, row) in &self.0 {
            let factor = vector[*lead];
            vector.iter_mut().zip(row).for_each(|(entry, known)| *entry -= factor * known);
        }
        vector
    }

    fn contains(&self, vector: Vec<f64>) -> bool {
        self.rest(vector).iter().all(|entry| entry.abs() < 1e-7)
    }

    fn insert(&mut self, vector: Vec<f64>) {
        let rest = self.rest(vector);
        let lead = (0..rest.len()).max_by(|&a, &b| rest[a].abs().total_cmp(&rest[b].abs()));
        if let Some(lead) = lead.filter(|&lead| rest[lead].abs() > 1e-7) {
            let row = rest.iter().map(|entry| entry / rest[lead]).collect();
            self.0.push((lead, row));
        }
    }
}

fn vector(coalition: Coalition, n_players: usize) -> Vec<f64> {
    (0..n_players).map(|player| f64::from(coalition >> player & 1)).collect()
}

/// Kohlberg's criterion: the weights of each stage are positive and balance on what is settled,
/// its coalitions have its excess, nothing outside what is settled has a larger one. Returns what
/// all stages settle.
fn assert_stages(game: &Game, x: &[f64], stages: &[Stage], per_capita: bool) -> Span {
    let n_players = game.n_players();
    let slack = AGREEMENT * game.scale();
    assert!((x.iter().sum::<f64>() - game.table[game.table.len() - 1]).abs() <= slack);
    let mut settled = Span::default();
    settled.insert(vector(game.grand(), n_players));
    for stage in stages {
        let mut balance = vec![0.0; n_players];
        for &(coalition, weight) in &stage.weights {
            assert!(weight > 0.0);
            assert!((game.excess(coalition, x, per_capita) - stage.excess).abs() <= slack);
            members(coalition).for_each(|player| balance[player] += weight);
        }
        for &(player, weight) in &stage.bounds {
            assert!(weight > 0.0 && game.excess(1 << player, x, false).abs() <= slack);
            balance[player] += weight;
        }
        assert!(!stage.weights.is_empty() && settled.contains(balance));
        for coalition in game.proper() {
            assert!(
                game.excess(coalition, x, per_capita) <= stage.excess + slack
                    || settled.contains(vector(coalition, n_players)),
                "{coalition:#b} at {x:?}"
            );
        }
        let bounds = stage.bounds.iter().map(|&(player, _)| 1 << player);
        for coalition in stage.weights.iter().map(|&(coalition, _)| coalition).chain(bounds) {
            settled.insert(vector(coalition, n_players));
        }
    }
    settled
}

/// The nucleolus by Maschler's scheme with every coalition in every program, by HiGHS: minimise
/// the largest excess; fix the coalitions that no optimum lets below it; repeat.
fn nucleolus_by_highs(game: &Game, concept: Concept, bounded: bool) -> Vec<f64> {
    let (n_players, sign) = (game.n_players(), game.kind.sign());
    let scale = game.scale().max(f64::MIN_POSITIVE);
    let value = |coalition: Coalition| sign * game.table[coalition as usize] / scale;
    let weight = |coalition: Coalition| {
        if concept.per_capita { f64::from(coalition.count_ones()) } else { 1.0 }
    };
    let mut fixed: Vec<(Coalition, f64)> = vec![(game.grand(), value(game.grand()))];
    let mut settled = Span::default();
    settled.insert(vector(game.grand(), n_players));
    loop {
        // Columns x and t; rows of the fixed, then of the open coalitions.
        let open: Vec<Coalition> = game
            .proper()
            .filter(|&coalition| !settled.contains(vector(coalition, n_players)))
            .collect();
        let mut model = Model::new();
        model.set_feasibility_tolerance(1e-10);
        for player in 0..n_players {
            let least = if bounded { value(1 << player) } else { f64::NEG_INFINITY };
            model.add_column(0.0, least, f64::INFINITY);
        }
        let t = model.add_column(1.0, f64::NEG_INFINITY, f64::INFINITY);
        let entries = |coalition| members(coalition).map(|player| (player, 1.0));
        for &(coalition, total) in &fixed {
            model.add_row(total, total, &entries(coalition).collect::<Vec<_>>());
        }
        for &coalition in &open {
            let entries: Vec<_> = entries(coalition).chain([(t, weight(coalition))]).collect();
            model.add_row(value(coalition), f64::INFINITY, &entries);
        }
        if open.is_empty() {
            return model.solve(&Progress::new()).unwrap().columns[..n_players]
                .iter()
                .map(|x| sign * scale * x)
                .collect();
        }
        let best = model.solve(&Progress::new()).unwrap().optimal("oracle").unwrap().objective;
        model.set_column_bounds(t, best, best);
        model.set_column_cost(t, 0.0);
        for &coalition in &open {
            members(coalition).for_each(|player| model.set_column_cost(player, -1.0));
            let most = -model.solve(&Progress::new()).unwrap().optimal("oracle").unwrap().objective;
            members(coalition).for_each(|player| model.set_column_cost(player, 0.0));
            let total = value(coalition) - weight(coalition) * best;
            if most <= total + 1e-7 && !settled.contains(vector(coalition, n_players)) {
                settled.insert(vector(coalition, n_players));
                fixed.push((coalition, total));
            }
        }
    }
}

fn solve(game: &Game, concept: Concept) -> Nucleolus {
    nucleolus(&game.table, game.kind, concept, &Progress::new()).unwrap()
}

#[test]
fn a_coalition_found_late_can_raise_the_first_level() {
    // {1, 2} becomes known at the second level and has a larger excess than the first one's.
    let table = [
        0.0, 43.4, 0.0, 91.1, 68.3, 87.9, 74.0, 52.1, 36.0, 69.0, 0.0, 56.1, 35.4, 0.0, 0.0, -41.6,
    ];
    let game = Game { table: table.to_vec(), kind: Kind::Gain };
    let found = least_core(&game.table, game.kind, false, &Progress::new()).unwrap();
    assert_stages(&game, &found.allocation, &found.stages, false);
    assert!((found.value - (69.0 + 74.0 + 41.6) / 2.0).abs() < 1e-9);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..<_>::default() })]

    #[test]
    fn every_nucleolus_is_proved_by_its_stages(game in any_game(9), concept in concept()) {
        let found = solve(&game, concept);
        let settled = assert_stages(&game, &found.allocation, &found.stages, concept.per_capita);
        prop_assert_eq!(settled.0.len(), game.n_players());
        let alone: Vec<f64> = (0..game.n_players()).map(|player| game.table[1 << player]).collect();
        let gain = game.excess(game.grand(), &alone, false);
        let none = RESOLUTION * game.largest_gain();
        let rounding = ROUNDING * game.scale();
        if !concept.individually_rational || gain < -(none + rounding) {
            prop_assert!(!found.individually_rational);
        } else if gain > -(none - rounding) {
            prop_assert!(found.individually_rational);
        }
        if found.individually_rational {
            for player in 0..game.n_players() {
                let excess = game.excess(1 << player, &found.allocation, false);
                prop_assert!(excess <= AGREEMENT * game.scale());
            }
        }
    }

    #[test]
    fn every_least_core_is_proved_and_only_what_is_settled_is_tight(
        game in any_game(9),
        per_capita in any::<bool>(),
    ) {
        let found = least_core(&game.table, game.kind, per_capita, &Progress::new()).unwrap();
        let settled = assert_stages(&game, &found.allocation, &found.stages, per_capita);
        let largest = game
            .proper()
            .map(|coalition| game.excess(coalition, &found.allocation, per_capita))
            .fold(f64::NEG_INFINITY, f64::max);
        if game.n_players() > 1 {
            prop_assert!((largest - found.value).abs() <= AGREEMENT * game.scale());
        }
        // An excess of t per member is one of 0 where everybody has t more.
        let (raised, level) = if per_capita {
            let more = game.kind.sign() * found.value;
            (found.allocation.iter().map(|share| share + more).collect(), 0.0)
        } else {
            (found.allocation.clone(), found.value)
        };
        let (tight, count) = coalitions_at_least(
            &game.table, game.kind, &raised, level - 4.0 * found.tolerance, 1000, &Progress::new(),
        ).unwrap();
        prop_assert_eq!(tight.len() as u64, count);
        for coalition in tight {
            prop_assert!(settled.contains(vector(coalition, game.n_players())));
        }
    }

    #[test]
    fn a_core_point_has_no_objection_and_an_empty_core_a_balanced_collection(game in any_game(9)) {
        let (found, tolerance, _) = core(&game.table, game.kind, 0.0, &Progress::new()).unwrap();
        match found {
            Core::Contains(x) => {
                for coalition in game.proper() {
                    prop_assert!(game.excess(coalition, &x, false) <= tolerance);
                }
            }
            Core::Empty(stage) => {
                // Weights of sum 1 that cover every player equally: their mean excess does not depend
                // on the allocation, and it is positive.
                let n_players = game.n_players();
                let equal = vec![game.table[game.table.len() - 1] / n_players as f64; n_players];
                let weights: f64 = stage.weights.iter().map(|&(_, weight)| weight).sum();
                let mean: f64 = stage
                    .weights
                    .iter()
                    .map(|&(coalition, weight)| weight * game.excess(coalition, &equal, false))
                    .sum();
                prop_assert!((weights - 1.0).abs() < 1e-9);
                prop_assert!((mean - stage.excess).abs() <= AGREEMENT * game.scale());
                prop_assert!(stage.excess > tolerance);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..<_>::default() })]

    #[test]
    fn every_nucleolus_is_the_one_of_programs_over_all_coalitions(
        game in game(table(5)),
        concept in concept(),
    ) {
        let found = solve(&game, concept);
        let expected = nucleolus_by_highs(&game, concept, found.individually_rational);
        for (x, y) in found.allocation.iter().zip(&expected) {
            prop_assert!((x - y).abs() <= 1e-6 * game.scale(), "{x} {y}");
        }
    }

    #[test]
    fn threads_do_not_change_a_bit(game in any_game(8), concept in concept(), seed in any::<u64>()) {
        // The same game again and again, with small changes, fills a table of many blocks.
        let n_players = 15;
        let small = game.table.len() - 1;
        let mut table: Vec<f64> = (0..1_usize << n_players)
            .map(|mask| {
                let noise = (mask as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61;
                game.table[mask & small] + noise as f64 * (mask.count_ones() as f64)
            })
            .collect();
        table[0] = 0.0;
        let all = |threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let progress = Progress::new();
            pool.install(|| {
                let found = nucleolus(&table, game.kind, concept, &progress).unwrap();
                let x = &found.allocation;
                (
                    least_core(&table, game.kind, concept.per_capita, &progress).unwrap(),
                    core(&table, game.kind, 0.0, &progress).unwrap(),
                    worst_coalition(&table, game.kind, x, 1e-3, &progress).unwrap(),
                    coalitions_at_least(&table, game.kind, x, 0.0, 99, &progress).unwrap(),
                    nucleoli(&table[..1 << 12], 1 << 4, game.kind, concept, &progress).unwrap(),
                    found,
                )
            })
        };
        prop_assert_eq!(all(1), all(2));
    }
}
