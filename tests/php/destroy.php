<?php
// destroy.php ID: starts and destroys.
session_id($argv[1]);
session_start() || exit(1);
session_destroy() || exit(1);
