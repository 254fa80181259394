<?php
// start.php ID: starts, then says how many milliseconds it waited, the id and n.
session_id($argv[1]);
$begin = hrtime(true);
session_start() || exit(1);
printf("%.1f %s %d\n", (hrtime(true) - $begin) / 1e6, session_id(), $_SESSION['n'] ?? -1);
session_abort();
