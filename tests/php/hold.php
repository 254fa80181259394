<?php
// hold.php ID: starts, says "held", sets n to 7 and closes when a line comes in.
session_id($argv[1]);
session_start() || exit(1);
echo "held\n";
fgets(STDIN);
$_SESSION['n'] = 7;
session_write_close() || exit(1);
echo "released\n";
