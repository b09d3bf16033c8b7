// SPDX-License-Identifier: MIT
/* The control socket, with clients that behave badly. The server runs in a process of its own, so
 * that a client may wait for it; what it publishes is told to it by a pipe. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/control.h"
#include "daemon.h"

#define CLIENTS 16                   /* at once */
#define WAIT_S 30                    /* a client that hears nothing for so long has failed */

static const char config[] =
	"zones:\n"
	"  in: { networks: [10.77.1.0/24] }\n"
	"  out: { networks: [10.77.2.0/24] }\n"
	"rules:\n"
	"  - { name: both, from: [in, out], to: [in, out], allow: [sip] }\n";

static char folder[64], socket_path[108], config_path[108];
static pid_t server;
static int orders;                   /* enum tell, each a byte */
static struct daemon d;
static int orders_in;

static void write_config(const char *text)
{
	FILE *f = fopen(config_path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static void on_order(void *self)
{
	uint8_t tell[4096];
	ssize_t n = read(orders_in, tell, sizeof(tell));
	struct owner owner = { { 1 } };

	(void)self;
	if (n <= 0)
		_exit(0);
	for (ssize_t i = 0; i < n; i++)
		control_tell(d.control, (enum tell)tell[i], &owner);
}

static void put_call(void)
{
	struct row_key key = { .owner = { { 1 } } }, name = { .owner = { { 1 } }, .part = TEXT_CALL_ID };
	struct call_row call = { .protocol = 1, .state = CALL_CONFIRMED, .zones = { 1, 2 },
				 .started_ns = loop_now_ns() };
	struct text_row text = { .length = 3, .bytes = "one" };

	tables_set(d.tables, ROW_call, &key, &call);
	tables_set(d.tables, ROW_text, &name, &text);
}

static void serve(void)
{
	static const struct hash_key key = { { 1, 2 } };
	struct policy_errors errors;

	snprintf(d.config_path, sizeof(d.config_path), "%s", config_path);
	if (policy_load(config_path, &d.policy, &d.settings, &errors))
		_exit(1);
	snprintf(d.settings.control_path, sizeof(d.settings.control_path), "%s", socket_path);
	d.loop = loop_new();
	d.tables = tables_new(&key, 1024);
	put_call();
	d.control = control_open(&d);
	if (!d.control || !loop_fd(d.loop, orders_in, on_order, &d))
		_exit(1);
	loop_run(d.loop);
	_exit(0);
}

static int set_up(void **state)
{
	int ends[2];

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/ringfence-control-XXXXXX");
	if (!mkdtemp(folder) || pipe(ends))
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	snprintf(config_path, sizeof(config_path), "%s/config.yaml", folder);
	write_config(config);
	server = fork();
	if (server == 0) {
		close(ends[1]);
		orders_in = ends[0];
		serve();
	}
	close(ends[0]);
	orders = ends[1];
	return server < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	int status;

	(void)state;
	kill(server, SIGKILL);
	waitpid(server, &status, 0);
	close(orders);
	unlink(socket_path);
	unlink(config_path);
	return rmdir(folder);
}

static int client_of(int tries)
{
	const struct timeval patience = { .tv_sec = WAIT_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, socket_path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		assert_true(--tries > 0);
		usleep(10000);
	}
	return fd;
}

static int client(void)
{
	return client_of(1000);
}

static void ask(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* The next line as JSON; NULL: the server hung up. */
static json_t *next_line(int fd)
{
	char line[4096];
	size_t used = 0;
	ssize_t n;

	while (used < sizeof(line)) {
		n = recv(fd, line + used, 1, 0);
		if (n < 0 && errno != ECONNRESET)
			fail_msg("nothing heard: %s", strerror(errno));
		if (n <= 0)
			return NULL;
		if (line[used++] == '\n')
			break;
	}
	return json_loadb(line, used, 0, NULL);
}

static const char *word(const json_t *document, const char *name)
{
	return json_string_value(json_object_get(document, name)) ?: "";
}

static void is_answered(int fd)
{
	json_t *answer, *calls;

	ask(fd, "{\"command\":\"calls\"}\n");
	answer = next_line(fd);
	calls = json_object_get(answer, "calls");
	assert_int_equal(json_array_size(calls), 1);
	assert_string_equal(word(json_array_get(calls, 0), "call"), "one");
	json_decref(answer);
}

static void socket_is_roots_alone(void **state)
{
	struct stat s;
	int fd = client();

	(void)state;
	assert_int_equal(stat(socket_path, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
	is_answered(fd);
	close(fd);
}

static void question_may_come_in_pieces_and_another_after_it(void **state)
{
	int fd = client();

	(void)state;
	ask(fd, "{\"comm");
	is_answered(client());
	ask(fd, "and\":\"nonsense\"}\n");
	json_decref(next_line(fd));
	is_answered(fd);
	is_answered(fd);
	close(fd);
}

static void questions_that_come_at_once_are_each_answered(void **state)
{
	int fd = client();

	(void)state;
	ask(fd, "{\"command\":\"a\"}\n{\"command\":\"b\"}\n{\"comm");
	json_decref(next_line(fd));
	json_decref(next_line(fd));
	ask(fd, "and\":\"c\"}\n");
	json_decref(next_line(fd));
	is_answered(fd);
	close(fd);
}

static void what_is_no_command_is_told_so(void **state)
{
	static const char *const questions[] = { "{\"command\":\"what\"}\n", "{}\n", "\n", "calls\n",
						 "{\"command\":7}\n", "[\n", "\xff\xfe\n" };
	int fd = client();

	(void)state;
	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		json_t *answer;

		ask(fd, questions[i]);
		answer = next_line(fd);
		assert_true(strlen(word(answer, "error")) > 0);
		json_decref(answer);
	}
	is_answered(fd);
	close(fd);
}

static void line_that_is_too_long_is_hung_up_on(void **state)
{
	char line[4096];
	int fd = client(), other = client();

	(void)state;
	memset(line, ' ', sizeof(line));
	send(fd, line, sizeof(line), MSG_NOSIGNAL);
	assert_null(next_line(fd));
	is_answered(other);
	close(fd);
	close(other);
}

static void one_client_too_many_is_hung_up_on_until_another_leaves(void **state)
{
	int fds[CLIENTS], late;

	(void)state;
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = client();
		is_answered(fds[i]);
	}
	late = client();
	assert_null(next_line(late));
	close(late);
	is_answered(fds[CLIENTS - 1]);
	close(fds[3]);
	/* The server may see the newcomer before it sees that the other one left. */
	for (int tries = 0; tries < 1000; tries++) {
		json_t *answer;

		late = client();
		send(late, "{\"command\":\"calls\"}\n", 20, MSG_NOSIGNAL);
		answer = next_line(late);
		close(late);
		if (answer) {
			json_decref(answer);
			late = -1;
			break;
		}
	}
	assert_int_equal(late, -1);
	for (int i = 0; i < CLIENTS; i++)
		if (i != 3)
			close(fds[i]);
}

static void order(enum tell tell, int times)
{
	uint8_t bytes[4096];

	memset(bytes, (int)tell, sizeof(bytes));
	for (; times > 0; times -= (int)sizeof(bytes))
		assert_true(write(orders, bytes, times < 4096 ? (size_t)times : 4096) > 0);
}

static void each_record_has_its_name(void **state)
{
	static const char *const names[] = {
		[TELL_CALL_STARTED] = "call_started", [TELL_CALL_ANSWERED] = "call_answered",
		[TELL_CALL_ENDED] = "call_ended",     [TELL_REGISTERED] = "registered",
		[TELL_UNREGISTERED] = "unregistered", [TELL_HOST_LOST] = "host_lost",
		[TELL_HOST_BACK] = "host_back", [TELL_GATEWAY_CROWDED] = "gateway_crowded",
	};
	int fd = client();

	(void)state;
	ask(fd, "{\"command\":\"events\"}\n");
	/* Answered once the server has read what came before. */
	is_answered(fd);
	for (enum tell tell = TELL_CALL_STARTED; tell <= TELL_GATEWAY_CROWDED; tell++) {
		json_t *document;

		order(tell, 1);
		document = next_line(fd);
		assert_string_equal(word(document, "type"), "record");
		assert_string_equal(word(document, "event"), names[tell]);
		json_decref(document);
	}
	close(fd);
}

/* It is hung up on when its buffer is full, and costs nobody else anything. */
static void client_that_never_reads_is_hung_up_on_and_the_others_are_served(void **state)
{
	int lazy = client(), fd = client();
	char bytes[65536];
	ssize_t n;

	(void)state;
	ask(lazy, "{\"command\":\"events\"}\n");
	is_answered(fd);
	order(TELL_CALL_STARTED, 400000);
	is_answered(fd);
	order(TELL_CALL_ENDED, 1);
	is_answered(fd);
	/* What lay in the buffer is there; then the end, in place of waiting for more. */
	while ((n = recv(lazy, bytes, sizeof(bytes), 0)) > 0)
		;
	assert_true(n == 0 || errno == ECONNRESET);
	is_answered(fd);
	close(fd);
	close(lazy);
}

static void client_that_goes_without_a_word_harms_nobody(void **state)
{
	int gone = client(), fd = client();

	(void)state;
	ask(gone, "{\"command\":\"events\"}\n");
	is_answered(fd);
	close(gone);
	order(TELL_CALL_STARTED, 100);
	is_answered(fd);
	close(fd);
}

static void reload_with_errors_names_each_and_keeps_the_running_rules(void **state)
{
	int fd = client();
	json_t *answer, *errors;

	(void)state;
	is_answered(fd);
	write_config("zones:\n  in: { networks: [10.77.1.0/99] }\nruels: []\n");
	ask(fd, "{\"command\":\"reload\"}\n");
	answer = next_line(fd);
	assert_non_null(strstr(word(answer, "error"), "the running rules stay"));
	errors = json_object_get(answer, "errors");
	assert_int_equal(json_array_size(errors), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(errors, 0), "line")), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(errors, 1), "line")), 3);
	assert_non_null(strstr(word(json_array_get(errors, 1), "text"), "rules"));
	json_decref(answer);
	is_answered(fd);
	close(fd);
}

static void reload_of_a_file_that_is_gone_is_refused(void **state)
{
	int fd = client();
	json_t *answer;

	(void)state;
	is_answered(fd);
	unlink(config_path);
	ask(fd, "{\"command\":\"reload\"}\n");
	answer = next_line(fd);
	assert_non_null(strstr(word(answer, "error"), "refused"));
	json_decref(answer);
	is_answered(fd);
	close(fd);
	write_config(config);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(socket_is_roots_alone),
		TEST(question_may_come_in_pieces_and_another_after_it),
		TEST(questions_that_come_at_once_are_each_answered),
		TEST(what_is_no_command_is_told_so),
		TEST(line_that_is_too_long_is_hung_up_on),
		TEST(one_client_too_many_is_hung_up_on_until_another_leaves),
		TEST(each_record_has_its_name),
		TEST(client_that_never_reads_is_hung_up_on_and_the_others_are_served),
		TEST(client_that_goes_without_a_word_harms_nobody),
		TEST(reload_with_errors_names_each_and_keeps_the_running_rules),
		TEST(reload_of_a_file_that_is_gone_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
