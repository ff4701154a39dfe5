// A program in C++: JSON and bytes between two processes, each way with an outcome.
//
//     exchange bob udp://127.0.0.1:4100      listens there, and sends back two messages
//     exchange alice udp://127.0.0.1:4100    joins there, sends two, and waits for the answers
#include <slow/junction.h>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

// ---- all that RAII takes

struct Free {
    void operator()(slow_junction *junction) const {
        slow_junction_free(junction);
    }
    void operator()(slow_message *message) const {
        slow_message_free(message);
    } // it was taken: its sender hears so
};
using Junction = std::unique_ptr<slow_junction, Free>;
using Message = std::unique_ptr<slow_message, Free>;

struct Error : slow_error {
    void check(bool good) const {
        char line[sizeof(slow_error)];
        if (good)
            return;
        slow_error_line(this, line, sizeof line);
        throw std::runtime_error(line);
    }
};

// ---- the program

const slow_time limit = UINT64_C(20) * 1000 * 1000 * 1000;

static void deliver(slow_junction *junction, const char *to, const std::string &body, bool is_json) {
    Error error;
    slow_ticket ticket;
    slow_outcome outcome;
    slow_status status = is_json ? slow_send_json(junction, to, body.c_str(), nullptr, &ticket, &error)
                                 : slow_send_binary(junction, to, body.data(), body.size(), nullptr, &ticket, &error);
    error.check(status == SLOW_OK);
    status = slow_wait_outcome(junction, ticket, limit, &outcome);
    if (status != SLOW_OK || outcome.outcome != SLOW_DELIVERED)
        throw std::runtime_error(status == SLOW_OK ? outcome.text : slow_status_text(status));
    std::cout << "to " << to << ": " << outcome.text << std::endl;
}

static Message receive(slow_junction *junction) {
    slow_message *message;
    slow_status status = slow_recv(junction, &message, limit);
    if (status != SLOW_OK)
        throw std::runtime_error(slow_status_text(status));
    return Message(message);
}

static std::string text_of(const slow_message &message) {
    return std::string(reinterpret_cast<const char *>(message.data), message.size);
}

static void print(const slow_message &message) {
    std::cout << "from " << message.from << ": ";
    if (message.type == SLOW_JSON)
        std::cout << text_of(message) << std::endl;
    else
        std::cout << message.size << " bytes" << std::endl;
}

// Sends back what comes, as what it came.
static void bob(slow_junction *junction, const char *address) {
    Error error;
    char bound[SLOW_ADDRESS_SIZE];
    error.check(slow_junction_listen(junction, address, bound, &error) == SLOW_OK);
    std::cout << bound << std::endl;
    for (int i = 0; i < 2; i++) {
        Message message = receive(junction);
        print(*message);
        std::string from = message->from, body = text_of(*message);
        bool is_json = message->type == SLOW_JSON;
        message.reset();
        deliver(junction, from.c_str(), body, is_json);
    }
}

static void alice(slow_junction *junction, const char *address) {
    Error error;
    error.check(slow_junction_join(junction, address, &error) == SLOW_OK);
    const std::string bodies[] = {"{\"hello\":\"bob\"}", std::string("\0\1\2", 3)};
    for (const std::string &body : bodies) {
        deliver(junction, "bob", body, body[0] == '{');
        Message answer = receive(junction);
        print(*answer);
        if (text_of(*answer) != body)
            throw std::runtime_error("the answer is not what was sent");
    }
}

int main(int count, char **words) {
    std::string who = count > 1 ? words[1] : "";
    if (count != 3 || (who != "bob" && who != "alice")) {
        std::cerr << "usage: exchange alice|bob ADDRESS" << std::endl;
        return 2;
    }
    try {
        Error error;
        Junction junction(slow_junction_new(who.c_str(), nullptr, &error));
        error.check(junction != nullptr);
        if (who == "bob")
            bob(junction.get(), words[2]);
        else
            alice(junction.get(), words[2]);
    } catch (const std::exception &failure) {
        std::cerr << "exchange: " << failure.what() << std::endl;
        return 1;
    }
    return 0;
}
