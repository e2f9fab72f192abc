$PLUGIN evtools
$PARAM FLARE = 9.35, STOP = 300, HOLD = 150, LIMIT = 30
$GLOBAL
namespace {
  const double FIRST_MG[]   = {15, 12.5, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
  const double FIRST_DAYS[] = {21, 21, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 1e9};
  const double SLOW_MG[]    = {17.5, 15, 12.5, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
  const double SLOW_DAYS[]  = {14, 14, 21, 21, 28, 28, 28, 28, 28, 28, 28, 28, 28, 1e9};
  evt::regimen tablets;
  bool slow, remission;
  int next;
  double mg, ends, flared, stretch;
  void enter(const double now) {  // the next row of the table
    mg = slow ? SLOW_MG[next] : FIRST_MG[next];
    ends = now + (slow ? SLOW_DAYS[next] * (next > 3 ? stretch : 1) : FIRST_DAYS[next]);
    next = next + 1;
  }
}
$MAIN
if(NEWIND <= 1) {  // memory is shared by all people: begin anew with each
  slow = false; remission = false; next = 0; flared = -1e9; stretch = 1;
  enter(0);
  tablets.init(self);
  tablets.cmt(1);
  tablets.ii(1);
}
$ERROR
capture SEEN = SCORE * exp(EPS(1));
capture CORTISOL = CORT * exp(EPS(2));
if(evt::near(TIME, tablets.time_next())) {  // a morning, before that day's dose; the output grid must hold it
  if(evt::near(std::fmod(TIME, 28), 0)) {   // a visit
    if(!remission && SEEN < FLARE) {
      remission = true;
    } else if(remission && SEEN >= FLARE && TIME - flared >= 28) {
      flared = TIME;
      stretch = std::min(stretch * 1.5, 3.0);
      mg = std::min(std::max(mg + 5, 10.0), LIMIT);
      ends = TIME + 28;
      slow = true;
      next = (mg < 17.5) + (mg < 15) + (mg < 12.5);
    }
    if(SEEN < FLARE && mg > 0 && mg <= 5) {
      if(CORTISOL > STOP) {
        mg = 0;
        ends = 1e9;
      } else if(CORTISOL >= HOLD) {
        ends = ends + 28;
      }
    }
  }
  if(TIME >= ends) enter(TIME);
  tablets.amt(mg);
  if(mg > 0) tablets.execute(); else tablets.time_next(TIME + 1);
}
capture MG = mg;
