<?php
// hold_destroy.php ID: starts, says "held", and destroys the session when a line comes in.
session_id($argv[1]);
session_start() || exit(1);
echo "held\n";
fgets(STDIN);
session_destroy() || exit(1);
echo "destroyed\n";
