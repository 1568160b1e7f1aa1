#include "text.h"
#include "../tokenizer/utf8.h"

int text_character(text given) {
    uint32_t code;
    return given.size ? utf8_read((const uint8_t *)given.bytes, given.size, &code) : 0;
}

size_t text_valid(text given) {
    size_t place = 0;
    for (int length; (length = text_character((text){given.bytes + place, given.size - place}));) place += (size_t)length;
    return place;
}

size_t text_characters(text given) {
    size_t count = 0;
    for (size_t i = 0; i < given.size; i++) count += ((unsigned char)given.bytes[i] & 0xc0) != 0x80;
    return count;
}
