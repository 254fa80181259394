<?php
// The old site: logs in and out, and knows the same cart. php -S runs it for every path.
$began = hrtime(true);
session_start();
$waited = intdiv(hrtime(true) - $began, 1000000);
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
switch ($path) {
	case '/login':
		// A new id at every login.
		session_regenerate_id(true);
		$_SESSION['user'] = $_GET['user'] ?? '';
		break;
	case '/logout':
		$_SESSION = [];
		session_destroy();
		break;
	case '/gift':
		$_SESSION['cart']['gift'] = 1;
		break;
}
header('Content-Type: application/json');
echo json_encode([
	'served by' => 'PHP',
	'user' => $_SESSION['user'] ?? '',
	'cart' => (object) ($_SESSION['cart'] ?? []),
	'pages' => $_SESSION['pages'] ?? 0,
	'waited ms' => $waited,
]);
