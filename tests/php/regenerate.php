<?php
// regenerate.php ID: takes a new id, deletes the old one, says the new one.
session_id($argv[1]);
session_start() || exit(1);
session_regenerate_id(true) || exit(1);
echo session_id(), "\n";
session_write_close() || exit(1);
