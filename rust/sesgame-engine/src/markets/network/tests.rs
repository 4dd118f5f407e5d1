use super::*;

fn order(participant: usize, bus: usize, price: f64, quantity: f64) -> Order {
    Order { participant, bus, is_bid: false, price, quantity, must_run: false }
}

/// Cheap power at bus 0, dear power at bus 1 where all demand is, a line of 40 between them.
fn two_buses() -> NetworkMarket {
    NetworkMarket {
        n_participants: 3,
        orders: vec![order(0, 0, 10.0, 100.0), order(1, 0, 20.0, 100.0), order(2, 1, 50.0, 100.0)],
        lines: vec![Line {
            from: 0,
            to: 1,
            susceptance: 100.0,
            lower: -40.0,
            upper: 40.0,
            shift: 0.0,
        }],
        links: vec![],
        demand: vec![0.0, 60.0],
        injection: vec![0.0; 2],
        value_of_lost_load: 1000.0,
    }
}

#[test]
fn a_full_line_parts_the_prices() {
    let dispatch = two_buses().clear(&Progress::new()).unwrap();
    assert_eq!(dispatch.accepted, [40.0, 0.0, 20.0]);
    assert_eq!(dispatch.price, [10.0, 50.0]);
    assert!((dispatch.flow[0] - 40.0).abs() < 1e-9);
}

#[test]
fn a_supplier_behind_the_line_is_paid_its_replacement() {
    let outcome = two_buses().clarke(&Progress::new()).unwrap();
    // Without the first, the second delivers 40 at 20; without the third, 20 is shed.
    assert_eq!(outcome.payments, [-800.0, 0.0, -20_000.0]);
    assert_eq!(outcome.pivotal, [0.0, 0.0, 20.0]);
}

#[test]
fn each_island_has_its_own_price() {
    let mut market = two_buses();
    market.lines.clear();
    let dispatch = market.clear(&Progress::new()).unwrap();
    assert_eq!(dispatch.accepted, [0.0, 0.0, 60.0]);
    market.orders.pop();
    let dispatch = market.clear(&Progress::new()).unwrap();
    assert_eq!(dispatch.shed, [0.0, 60.0]);
    assert_eq!(dispatch.price[1], 1000.0);
}

#[test]
fn what_must_run_runs_unless_its_owner_is_away() {
    let mut market = two_buses();
    market.orders[2] = Order { must_run: true, quantity: 30.0, ..market.orders[2].clone() };
    let dispatch = market.clear(&Progress::new()).unwrap();
    assert_eq!(dispatch.accepted, [30.0, 0.0, 30.0]);
    assert_eq!(dispatch.price, [10.0, 10.0]);
    let outcome = market.clarke(&Progress::new()).unwrap();
    // Without it, 40 come over the line, for 100 more, and 20 are shed.
    assert_eq!(outcome.pivotal, [0.0, 0.0, 20.0]);
    assert_eq!(outcome.payments[2], -(100.0 + 20_000.0));
    // A coalition without its owner need not run it.
    let (members, ..) =
        market.best_coalition(&[0.0, 0.0, 1e9], f64::INFINITY, &Progress::new()).unwrap();
    assert!(members[0] && !members[2]);
    // Nobody takes what is more than the demand.
    market.demand[1] = 20.0;
    assert!(market.clear(&Progress::new()).is_err());
}

#[test]
fn a_shifted_phase_an_injection_and_a_lossy_link_are_in_the_balance() {
    let mut market = two_buses();
    // Parallel to the line, ten of whose flow a shifter takes away; together they carry 60.
    market.lines.push(Line {
        from: 0,
        to: 1,
        susceptance: 100.0,
        lower: f64::NEG_INFINITY,
        upper: f64::INFINITY,
        shift: 10.0,
    });
    let dispatch = market.clear(&Progress::new()).unwrap();
    assert!((dispatch.flow[0] - 35.0).abs() < 1e-9 && (dispatch.flow[1] - 25.0).abs() < 1e-9);
    market.lines.truncate(1);
    market.injection[1] = 4.0;
    market.links.push(Link { from: 0, to: 1, lower: 0.0, upper: 10.0, loss: 0.1 });
    let dispatch = market.clear(&Progress::new()).unwrap();
    assert!((dispatch.link_flow[0] - 10.0).abs() < 1e-9);
    assert!((dispatch.accepted[0] - 50.0).abs() < 1e-9);
    assert!((dispatch.accepted[2] - 7.0).abs() < 1e-9);
}

#[test]
fn no_coalition_does_better_than_all_with_their_marginal_contributions() {
    let market = two_buses();
    let outcome = market.clarke(&Progress::new()).unwrap();
    let utility: Vec<f64> = (0..3)
        .map(|p| -outcome.payments[p] - market.orders[p].price * outcome.dispatch.accepted[p])
        .collect();
    let (_, best, bound) =
        market.best_coalition(&utility, f64::INFINITY, &Progress::new()).unwrap();
    let grand = 60.0 * 1000.0 - outcome.dispatch.cost - utility.iter().sum::<f64>();
    assert!((best - grand).abs() < 1e-6 && (bound - grand).abs() < 1e-6);
}
