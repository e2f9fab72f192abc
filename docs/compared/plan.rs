const FIRST: [(f64, f64); 13] = [
    (15.0, 21.0), (12.5, 21.0), (10.0, 28.0), (9.0, 28.0), (8.0, 28.0), (7.0, 28.0), (6.0, 28.0),
    (5.0, 28.0), (4.0, 28.0), (3.0, 28.0), (2.0, 28.0), (1.0, 28.0), (0.0, f64::INFINITY),
];
const SLOW: [(f64, f64); 14] = [
    (17.5, 14.0), (15.0, 14.0), (12.5, 21.0), (10.0, 21.0), (9.0, 28.0), (8.0, 28.0), (7.0, 28.0),
    (6.0, 28.0), (5.0, 28.0), (4.0, 28.0), (3.0, 28.0), (2.0, 28.0), (1.0, 28.0), (0.0, f64::INFINITY),
];
let opts = AdaptiveSimulateOptions {
    seed: Some(1),
    decision_times: (0..364).map(f64::from).collect(), // every morning, as every morning has a dose
    monitors: vec![
        MonitorSpec::new("SCORE", 4, ObserveMode::Dv),
        MonitorSpec::new("CORTISOL", 5, ObserveMode::Dv),
    ],
    ..Default::default()
};
let make_controller = || {
    let (mut mg, mut next, mut ends) = (15.0_f64, 1_usize, 21.0_f64);
    let (mut slow, mut stretch, mut remission, mut flared) = (false, 1.0_f64, false, f64::NEG_INFINITY);
    move |ctx: &ControllerCtx| {
        let (score, cortisol) = (ctx.signal("SCORE").unwrap(), ctx.signal("CORTISOL").unwrap());
        if ctx.t % 28.0 == 0.0 {
            if !remission && score < 9.35 {
                remission = true;
            } else if remission && score >= 9.35 && ctx.t - flared >= 28.0 {
                flared = ctx.t;
                stretch = (stretch * 1.5).min(3.0);
                mg = (mg + 5.0).max(10.0).min(30.0);
                ends = ctx.t + 28.0;
                slow = true;
                next = [17.5, 15.0, 12.5].iter().filter(|&&level| mg < level).count();
            }
            if score < 9.35 && mg > 0.0 && mg <= 5.0 {
                if cortisol > 300.0 {
                    mg = 0.0;
                    ends = f64::INFINITY;
                } else if cortisol >= 150.0 {
                    ends += 28.0;
                }
            }
        }
        if ctx.t >= ends {
            let (dose, days) = if slow { SLOW[next] } else { FIRST[next] };
            mg = dose;
            ends = ctx.t + days * if slow && next > 3 { stretch } else { 1.0 };
            next += 1;
        }
        if mg > 0.0 { vec![DoseAction::Bolus { amt: mg, cmt: 1 }] } else { vec![DoseAction::Hold] }
    }
};
let result = simulate_adaptive(&model, &population, &params, 100, make_controller, &opts)?;
