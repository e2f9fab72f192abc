plan <- rxode2({
  d/dt(due) <- 0        # memory: compartments that replace() alone changes
  d/dt(mg) <- 0
  mg(0) <- 15
  d/dt(row) <- 0
  row(0) <- 1
  d/dt(ends) <- 0
  ends(0) <- 21
  d/dt(slow) <- 0
  d/dt(stretch) <- 0
  stretch(0) <- 1
  d/dt(remission) <- 0
  d/dt(flared) <- 0
  flared(0) <- -1000
  seen <- score * exp(score.err)
  cortisol <- cort * exp(cort.err)
  if (t >= due) {       # a morning, before that day's dose; the event table must hold it
    now <- mg
    nextrow <- row
    until <- ends
    slower <- stretch
    second <- slow
    if (t %% 28 == 0) { # a visit
      if (remission == 0 && seen < 9.35) {
        replace(1, remission)
      }
      if (remission == 1 && seen >= 9.35 && t - flared >= 28) {
        slower <- min(stretch * 1.5, 3)
        now <- min(max(mg + 5, 10), 30)
        until <- t + 28
        second <- 1
        nextrow <- (now < 17.5) + (now < 15) + (now < 12.5)
        replace(t, flared)
        replace(1, slow)
        replace(slower, stretch)
      }
      if (seen < 9.35 && mg > 0 && mg <= 5) {
        if (cortisol > 300) {
          now <- 0
          until <- 1e9
        } else if (cortisol >= 150) {
          until <- ends + 28
        }
      }
    }
    if (t >= until) {   # the next row of the table; there are no arrays, so a formula stands for it
      if (second == 0) {
        now <- (nextrow == 0) * 15 + (nextrow == 1) * 12.5 + (nextrow > 1) * (12 - nextrow)
        until <- t + (nextrow < 2) * 21 + (nextrow > 1) * 28 + (nextrow == 12) * 1e9
      } else {
        now <- (nextrow < 3) * (17.5 - 2.5 * nextrow) + (nextrow > 2) * (13 - nextrow)
        until <- t + (nextrow < 2) * 14 + (nextrow == 2 || nextrow == 3) * 21 + (nextrow > 3) * 28 * slower + (nextrow == 13) * 1e9
      }
      nextrow <- nextrow + 1
    }
    replace(now, mg)
    replace(nextrow, row)
    replace(until, ends)
    replace(t + 1, due)
    if (now > 0) {
      bolus(now, depot, 0, 0, 0)
    }
  }
})
days <- et(seq(0, 364, by = 1))
result <- rxSolve(plan, parameters, days, sigma = lotri(score.err ~ 0.04, cort.err ~ 0.01))
