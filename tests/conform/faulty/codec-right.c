/* No fault at all: what the others are made of keeps the contract. */
#include "right_codec.h"

RIGHT_CODEC(codec_right, "codec-right", right_create, right_destroy, right_encode, right_decode, right_peek, NULL, 0)
