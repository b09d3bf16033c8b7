// SPDX-License-Identifier: MIT
/* Every enum that people are shown has its words. They are asked for through what shows them, value
 * by value: a value without a word, or a word that slipped by one, is seen here. The words of the
 * configuration are in load_value_test, those of records in control_test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "cli/show.h"
#include "io/kernel_own.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct hash_key hash_key = { { 1, 2 } };
static const struct owner owner = { { 1 } };
static struct kernel kernel;
static struct policy policy;
static struct tables *tables;
static struct view view;

static int set_up(void **state)
{
	struct row_key key = { .owner = owner, .part = TEXT_CALL_ID };
	struct text_row text = { .length = 3, .bytes = "one" };

	(void)state;
	memset(&kernel, 0xff, sizeof(kernel));     /* every descriptor -1 */
	tables = tables_new(&hash_key, 1024);
	view = (struct view){ .tables = tables, .kernel = &kernel, .running = true, .mode = "single",
			      .policy = &policy };
	return tables && tables_set(tables, ROW_text, &key, &text) >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tables_free(tables);
	return 0;
}

static json_t *ask(const char *name, const char *call)
{
	json_t *request = json_pack("{s:s, s:s*}", "command", name, "call", call), *answer;

	answer = show_answer(&view, request);
	json_decref(request);
	assert_non_null(answer);
	if (json_object_get(answer, "error"))
		fail_msg("%s", json_string_value(json_object_get(answer, "error")));
	return answer;
}

static const char *word(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	assert_non_null(text);
	return text;
}

/* The first of a list in the only call. */
static const json_t *part(const json_t *answer, const char *list)
{
	const json_t *call = json_array_get(json_object_get(answer, "calls"), 0);

	return list ? json_array_get(json_object_get(call, list), 0) : call;
}

static void put(enum row_type type, uint64_t sub, uint32_t at, const void *value)
{
	struct row_key key = { .owner = owner, .sub = sub, .part = at };

	assert_true(tables_set(tables, type, &key, value) >= 0);
}

static void put_call(enum call_state call_state)
{
	struct call_row call = { .state = (uint8_t)call_state, .protocol = 1 };

	put(ROW_call, 0, 0, &call);
}

static void each_state_of_a_call_and_a_dialog_has_its_word(void **state)
{
	static const char *const words[] = {
		[CALL_NONE] = "none",		[CALL_TRYING] = "trying", [CALL_EARLY] = "early",
		[CALL_CONFIRMED] = "confirmed", [CALL_ENDING] = "ending",
		[CALL_COMPLETED] = "completed",
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT(words); i++) {
		struct dialog_row dialog = { .state = (uint8_t)i };
		json_t *answer;

		put_call((enum call_state)i);
		put(ROW_dialog, 1, 0, &dialog);
		answer = ask("calls", "one");
		assert_string_equal(word(part(answer, NULL), "state"), words[i]);
		assert_string_equal(word(part(answer, "dialogs"), "state"), words[i]);
		json_decref(answer);
	}
}

static void each_state_of_an_offer_has_its_word(void **state)
{
	static const char *const words[] = {
		[OFFER_NONE] = "none",		 [OFFER_CALLER] = "caller waits",
		[OFFER_CALLEE] = "callee waits", [OFFER_STABLE] = "agreed",
	};

	(void)state;
	put_call(CALL_CONFIRMED);
	for (uint32_t i = 0; i < COUNT(words); i++) {
		struct dialog_row dialog = { .offer = (uint8_t)i };
		json_t *answer;

		put(ROW_dialog, 1, 0, &dialog);
		answer = ask("calls", "one");
		assert_string_equal(word(part(answer, "dialogs"), "offer"), words[i]);
		json_decref(answer);
	}
}

static void each_kind_and_flag_of_media_has_its_word(void **state)
{
	static const char *const kinds[] = {
		[MEDIA_NONE] = "none",	 [MEDIA_AUDIO] = "audio",
		[MEDIA_VIDEO] = "video", [MEDIA_IMAGE] = "image",
		[MEDIA_APPLICATION] = "application", [MEDIA_MESSAGE] = "message",
		[MEDIA_OTHER] = "other",
	};
	static const struct {
		enum media_flag flag;
		const char *word;
	} flags[] = {
		{ MEDIA_RTP, "rtp" },	{ MEDIA_MUX, "rtcp-mux" }, { MEDIA_ICE, "ice" },
		{ MEDIA_DTLS, "dtls" }, { MEDIA_SDES, "sdes" },	   { MEDIA_SENDS, "sends" },
		{ MEDIA_RECEIVES, "receives" }, { MEDIA_TCP, "tcp" },
	};
	struct media_row media = { .current = { { .set = 1 }, { .set = 1 } } };

	(void)state;
	put_call(CALL_CONFIRMED);
	for (uint32_t i = 0; i < COUNT(kinds); i++) {
		json_t *answer;

		media.current[SIDE_CALLER].kind = (uint8_t)i;
		put(ROW_media, 1, 0, &media);
		answer = ask("calls", "one");
		assert_string_equal(word(part(answer, "media"), "kind"), kinds[i]);
		json_decref(answer);
	}
	for (uint32_t i = 0; i < COUNT(flags); i++) {
		const char *sides[] = { [SIDE_CALLER] = "caller", [SIDE_CALLEE] = "callee" };
		uint32_t side = i % 2;
		json_t *answer, *list;

		media.current[side].flags = (uint16_t)flags[i].flag;
		media.current[!side].flags = 0;
		put(ROW_media, 1, 0, &media);
		answer = ask("calls", "one");
		list = json_object_get(json_object_get(part(answer, "media"), sides[side]), "flags");
		assert_int_equal(json_array_size(list), 1);
		assert_string_equal(json_string_value(json_array_get(list, 0)), flags[i].word);
		json_decref(answer);
	}
}

static void each_timer_has_its_word(void **state)
{
	static const char *const words[] = {
		[TIMER_CALL_EARLY] = "no answer",    [TIMER_CALL_IDLE] = "idle",
		[TIMER_CALL_LONGEST] = "longest",    [TIMER_CALL_LINGER] = "linger",
		[TIMER_TRANSACTION] = "transaction", [TIMER_BINDING] = "binding",
		[TIMER_DRAIN] = "drain",	     [TIMER_ENDING] = "ending",
	};

	(void)state;
	put_call(CALL_CONFIRMED);
	for (uint32_t i = 1; i < COUNT(words); i++) {
		struct timer_row timer = { .kind = i };
		json_t *answer;

		put(ROW_timer, 0, 0, &timer);
		answer = ask("calls", "one");
		assert_string_equal(word(part(answer, "timers"), "timer"), words[i]);
		json_decref(answer);
	}
}

static void each_kind_of_media_has_its_word_in_the_table_of_flows(void **state)
{
	static const char *const words[] = {
		[MEDIA_AUDIO] = "audio", [MEDIA_VIDEO] = "video",
		[MEDIA_IMAGE] = "image", [MEDIA_APPLICATION] = "application",
		[MEDIA_MESSAGE] = "message", [MEDIA_OTHER] = "other",
	};
	struct door_row door = { .kind = DOOR_MEDIA,
				 .key = { .source = { { [15] = 1 } }, .source_port = 1,
					  .destination_port = 2 } };
	struct media_row media = { .current = { { .set = 1 }, { .set = 1 } }, .agreed_ns = 1 };

	(void)state;
	put(ROW_door, 1, 0, &door);
	for (uint32_t i = 1; i < COUNT(words); i++) {
		json_t *answer;

		media.current[0].kind = media.current[1].kind = (uint8_t)i;
		put(ROW_media, 1, 0, &media);
		answer = ask("flows", NULL);
		assert_string_equal(word(json_array_get(json_object_get(answer, "flows"), 0),
					 "media"), words[i]);
		json_decref(answer);
	}
}

static void each_standing_of_a_source_has_its_word(void **state)
{
	static const char *const words[] = {
		[SOURCE_UNKNOWN] = "unknown",
		[SOURCE_TRUSTED] = "trusted",
		[SOURCE_DENIED] = "denied",
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT(words); i++)
		for (int judged = 0; judged < 2; judged++) {
			struct source_row source = { .conclusion = {
				.standing = i,
				.reason = judged ? REASON_source_rate : REASON_none } };
			json_t *answer;
			const json_t *line;

			put(ROW_source, 1, 128, &source);
			answer = ask("sources", NULL);
			line = json_array_get(json_object_get(answer, "sources"), 0);
			assert_string_equal(word(line, "standing"), words[i]);
			assert_string_equal(word(line, "by"), judged ? "judgement" : "operator");
			json_decref(answer);
		}
}

static struct slice no_name(const void *message)
{
	(void)message;
	return (struct slice){ 0 };
}

static void each_judgement_has_its_word(void **state)
{
	static const char *const words[] = {
		[JUDGEMENT_REFUSE] = "refuse",
		[JUDGEMENT_ACCEPT] = "accept",
		[JUDGEMENT_CONSUME] = "consume",
		[JUDGEMENT_NEED] = "need",
	};
	const struct protocol_ops ops = { .name = "fake", .call_name = no_name };
	const struct arrival arrival = { .speaks = 1 };

	(void)state;
	for (uint32_t i = 0; i < COUNT(words); i++) {
		const struct outcome outcome = { .judgement = (enum judgement)i };
		const struct verdict_report r = { .arrival = &arrival, .outcome = &outcome,
						  .ops = &ops, .raw = SLICE("hello\r\n") };
		json_t *document = show_report(&view, &r);

		assert_string_equal(word(document, "judgement"), words[i]);
		assert_string_equal(word(document, "reason"), "none");
		json_decref(document);
	}
}

static void each_event_of_the_fast_path_has_its_word(void **state)
{
	static const char *const words[] = {
		[EVENT_LOCKED] = "locked",
		[EVENT_DROPPED] = "dropped",
		[EVENT_REFUSED] = "refused",
	};

	(void)state;
	for (uint32_t i = 1; i < COUNT(words); i++) {
		const struct event e = { .kind = i, .reason = REASON_source_denied };
		json_t *document = show_event(&view, &e, &owner);

		assert_string_equal(word(document, "event"), words[i]);
		assert_string_equal(word(document, "reason"), "source_denied");
		assert_string_equal(word(document, "call"), "one");
		json_decref(document);
	}
}

static void each_record_has_its_word(void **state)
{
	static const char *const words[] = {
		[TELL_CALL_STARTED] = "call_started", [TELL_CALL_ANSWERED] = "call_answered",
		[TELL_CALL_ENDED] = "call_ended",     [TELL_REGISTERED] = "registered",
		[TELL_UNREGISTERED] = "unregistered", [TELL_HOST_LOST] = "host_lost",
		[TELL_HOST_BACK] = "host_back", [TELL_GATEWAY_CROWDED] = "gateway_crowded",
	};

	(void)state;
	for (uint32_t i = 1; i < COUNT(words); i++) {
		json_t *document = show_tell(&view, (enum tell)i, &owner);

		assert_string_equal(word(document, "event"), words[i]);
		json_decref(document);
	}
}

/* A word of the kernel's own map, as the fast path reads it. */
static void each_way_of_enforcement_has_its_word(void **state)
{
	static const char *const words[] = {
		[ENFORCE_ON] = "enforce",
		[ENFORCE_MONITOR] = "monitor",
		[ENFORCE_OFF] = "off",
	};
	static const struct {
		enum protection protection;
		const char *word;
	} classes[] = { { PROTECTION_MEDIA, "media" }, { PROTECTION_SOURCES, "sources" },
			{ PROTECTION_SIP, "sip" }, { PROTECTION_MGCP, "mgcp" } };
	const uint32_t zero = 0;

	(void)state;
	assert_int_equal(COUNT(classes), PROTECTION_COUNT - 1);
	kernel.maps.control = bpf_map_create(BPF_MAP_TYPE_ARRAY, "control", 4,
					     sizeof(struct control), 1, NULL);
	if (kernel.maps.control < 0) {
		print_message("SKIP: no BPF maps can be made here (run as root)\n");
		skip();
	}
	for (uint32_t i = 0; i < COUNT(words) * COUNT(classes); i++) {
		const uint32_t class = i % COUNT(classes), mode = i / COUNT(classes);
		struct control control = { 0 };
		json_t *answer;

		control.enforcement[classes[class].protection] = (uint8_t)mode;
		assert_int_equal(bpf_map_update_elem(kernel.maps.control, &zero, &control, BPF_ANY),
				 0);
		answer = ask("status", NULL);
		assert_string_equal(word(json_object_get(answer, "protections"),
					 classes[class].word), words[mode]);
		json_decref(answer);
	}
	close(kernel.maps.control);
}

static void is_a_word(const char *name)
{
	assert_true(*name >= 'a' && *name <= 'z');
	assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
}

static void each_counter_has_a_word_of_its_own_and_a_meaning(void **state)
{
	json_t *answer = ask("counters", NULL), *list = json_object_get(answer, "counters");

	(void)state;
	assert_int_equal(json_array_size(list), COUNTER_END - 1);
	for (uint32_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);

		is_a_word(word(one, "name"));
		assert_true(strlen(word(one, "meaning")) > 10);
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(word(json_array_get(list, k), "name"),
						word(one, "name"));
	}
	/* Reasons come first, and are numbered as the fast path counts them. */
	assert_string_equal(word(json_array_get(list, REASON_media_rate - 1), "name"), "media_rate");
	assert_string_equal(word(json_array_get(list, COUNTER_doors_closed - 1), "name"),
			    "doors_closed");
	json_decref(answer);
	assert_string_equal(show_reason(REASON_none), "none");
	assert_string_equal(show_reason(REASON_sip_old_cseq), "sip_old_cseq");
	assert_string_equal(show_reason(REASON_COUNT), "unknown");
	assert_string_equal(show_meaning(REASON_COUNT), "");
}

/* Rows may come from another version's pins: what is no value of ours is told and harms nothing. */
static void value_without_a_word_is_unknown(void **state)
{
	struct call_row call = { .state = 200, .protocol = 200 };
	struct dialog_row dialog = { .state = 200, .offer = 200 };
	struct timer_row timer = { .kind = 200 };
	struct media_row media = { .current = { { .set = 1, .kind = 200 }, { .set = 1 } } };
	const struct event e = { .kind = 200, .reason = 60000 };
	json_t *answer, *document = show_event(&view, &e, NULL);

	(void)state;
	put(ROW_call, 0, 0, &call);
	put(ROW_dialog, 1, 0, &dialog);
	put(ROW_timer, 0, 0, &timer);
	put(ROW_media, 1, 0, &media);
	answer = ask("calls", "one");
	assert_string_equal(word(part(answer, NULL), "state"), "unknown");
	assert_string_equal(word(part(answer, NULL), "protocol"), "unknown");
	assert_string_equal(word(part(answer, "dialogs"), "offer"), "?");
	assert_string_equal(word(part(answer, "timers"), "timer"), "?");
	assert_string_equal(word(part(answer, "media"), "kind"), "other");
	assert_string_equal(word(document, "event"), "?");
	assert_string_equal(word(document, "reason"), "unknown");
	json_decref(document);
	json_decref(answer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_state_of_a_call_and_a_dialog_has_its_word),
		TEST(each_state_of_an_offer_has_its_word),
		TEST(each_kind_and_flag_of_media_has_its_word),
		TEST(each_timer_has_its_word),
		TEST(each_kind_of_media_has_its_word_in_the_table_of_flows),
		TEST(each_standing_of_a_source_has_its_word),
		TEST(each_judgement_has_its_word),
		TEST(each_event_of_the_fast_path_has_its_word),
		TEST(each_record_has_its_word),
		TEST(each_way_of_enforcement_has_its_word),
		TEST(each_counter_has_a_word_of_its_own_and_a_meaning),
		TEST(value_without_a_word_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
