# cmake -D INPUT=FILE -D OUTPUT=FILE.c -D SYMBOL=NAME -P Embed.cmake: the file as `const char NAME[]`, terminated.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
file(WRITE ${OUTPUT} "extern const char ${SYMBOL}[];\nconst char ${SYMBOL}[] = {${bytes}0};\n")
