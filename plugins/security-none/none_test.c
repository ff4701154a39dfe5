/* security-none against the suite of security plugins: the shape of the handshake, as there is no secrecy. */
#include "tests/support/security_suite.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

const slow_module *slow_module_v1_security_none(void);

int main(void) {
    const security_subject subject = {.plugin = slow_module_v1_security_none()->plugins[0]};
    return security_suite(&subject);
}
