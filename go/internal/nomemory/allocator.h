/* Let an allocation of this thread fail. */

void arm(long n, int lasting);
int disarm(void);
