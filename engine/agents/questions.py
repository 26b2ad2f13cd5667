"""Whether a text asks something: with a question mark, or without one in the languages that people here write most.

A question mark counts in every language. Without one, a sentence asks when it begins as questions do in English, German, French,
Spanish, Portuguese or Chinese, or ends as they do in Japanese. This is a guess over a few words, made for chat: short, careless sentences.
"""

import re
from typing import Final

from engine.agents.names import spoken

_MARK: Final = re.compile(
    "[\uff1f\u061f\u037e\u2047\u2048\u2049\u203d\u00bf]|\\?(?=[\\s\"'\u00bb\u201d\u2019)\\]!?.…*_]|$)"
)
_SENTENCES: Final = re.compile(r"[.!\u3002\uff01…;\n]+")
_SAID: Final = re.compile(r"[!\uff01]")
_ADDRESS: Final = re.compile(r"^(?:@\S+[\s,:]*)+")
_OPENING: Final = re.compile(r"^(?:[\w'\u2019.@-]+\s+){0,2}[\w'\u2019.@-]+\s*[,:\u3001\uff0c-]\s+")
"""A few words before a comma: "Hey Ann, ..."."""
_FILLERS: Final = re.compile(
    r"^(?:(?:and|so|but|ok|okay|hey|hi|hello|well|please|und|aber|also|na|hallo|bitte|sag mal|et|alors|mais|bon|salut|dis"
    r"|y|pero|oye|hola|e|mas|então|oi|olá|bem)\b[\s,]*)+"
)
_CLAUSE: Final = re.compile(
    r"^\S+\s+(?:i|you|he|she|we|they|ich|du|er|sie|es|wir|ihr|man|je|tu|il|elle|on|nous|vous|yo|tú|él|ella|eu|ele|ela)\b[^?]*,"
)
"""A clause before the main one: "When I was young, ..."."""

_SUBJECT = (
    r"(?:i|you|u|he|she|it|we|they|there|this|that|these|those|the|an?|any|some|any(?:one|body|thing)|some(?:one|body|thing)"
    r"|every(?:one|body|thing)|my|your|our|his|her|its|their|all|both|who)"
)
_ENGLISH = (
    r"(?:who|whom|whose|which|why)(?:'s|'re|'d|'ll)?\b(?! (?:knows|cares)\b$)",
    r"what(?!(?:ever)?\s+(?:an?\b|i\b|you\b|he\b|she\b|we\b|they\b))\b",
    r"(?:when|where)(?:'s|'re|'d|'ll|\s+(?:is|are|was|were|do|does|did|can|could|will|would|shall|should|has|have|had|to))\b",
    (
        r"how(?:'s|'re|'d|\s+(?:is|are|was|were|do|does|did|can|could|will|would|shall|should|has|have|had|to|much|many|long|often|far|"
        r"old|big|come|about|late|soon))\b"
    ),
    r"(?:do|does|did|is|are|was|were|am|can|could|will|would|shall|should|may|might|must|has|have|had|isn't|aren't|wasn't|weren't|"
    r"don't|doesn't|didn't|can't|couldn't|won't|wouldn't|shouldn't|haven't|hasn't)\s+" + _SUBJECT + r"\b",
    r"any(?:one|body) (?:here|know|knows|seen|up|got|have|has|there)\b",
)
_GERMAN = (
    (
        r"(?:wer|wen|wem|wessen|was|wann|wo|woher|wohin|warum|wieso|weshalb|weswegen|wozu|womit|wofür|worüber|woran|wovon|wonach|wie|"
        r"wie viele?|wieviel|welche[rsmn]?)\b(?!\s+(?:ich|du|er|es|wir|ihr|man)\b)"
    ),
    (
        r"(?:ist|sind|bist|seid|bin|war|waren|warst|hat|haben|hast|habt|habe|hatte|hatten|kann|kannst|können|könnt|könnte|könntest|könnten|"
        r"darf|dürfen|darfst|soll|sollen|sollst|sollte|sollten|solltest|will|willst|wollen|wollt|wird|werden|wirst|würde|würden|würdest|"
        r"muss|musst|müssen|mag|magst|möchte|möchtest|möchten|gibt|geht|gehst|weiß|weiss|weißt|weisst|kennt|kennst|kommt|kommst|macht|"
        r"machst|stimmt|glaubst|findest|findet|hilfst|siehst|verstehst|brauchst|braucht|denkst|läuft|funktioniert|klappt)\s+"
        r"(?:ich|du|er|sie|es|wir|ihr|man|das|dies|diese[rs]?|der|die|den|dem|eine?[rn]?|jemand|hier|da|dein[e]?|mein[e]?|irgendwer|"
        r"noch|schon|wer|euch|dir|mir)\b"
    ),
)
_FRENCH = (
    r"(?:est-ce|qu['\u2019]est-ce|qui|quoi|pourquoi|comment|combien|où|quand|quel(?:le)?s?|lequel|laquelle|lesquel(?:le)?s)\b",
    r"(?:à|a|de|d['\u2019]|avec|pour|en|par|depuis|dans)\s*(?:qui|quoi|où|quand|quel(?:le)?s?|combien)\b",
    r"que\s+(?:fai[st]|faire|faut|veut|veux|signifie|se\s+passe|dit|pense[sz]?|voulez|vas|va)\b",
    r"(?:qu['\u2019]|que\s)?(?:\S+\s+){0,3}?\S*\w-(?:t-)?(?:je|tu|ils?|elles?|on|ce)\b",
    (
        r"(?:\S+\s+){0,2}?(?:avez|pouvez|savez|êtes|voulez|allez|pensez|connaissez|faites|pouvons|allons|avons|sommes|devons|pourriez|"
        r"auriez|seriez|voudriez|aimeriez)-(?:vous|nous)\b"
    ),
    r"(?:c['\u2019]est|tu|vous|on|ils?|elles?|ça)\b.*\b(?:quoi|qui|où|comment|combien|quand|pourquoi)$",
)
_SPANISH = (
    r"(?:(?:a|de|en|con|por|para|desde|hasta)\s+)?(?:qué|quién(?:es)?|cómo|cuándo|dónde|adónde|cuál(?:es)?|cuánt[oa]s?)\b",
    (
        r"(?:que|quien|como|cuando|donde|cual|cuanto|por que)\s+(?:es|son|esta|está|estas|estás|hay|pasa|pasó|hace|haces|dijo|dice|hora|"
        r"significa|puedo|puede|se|te|va|vas|fue|era|tal)\b"
    ),
    r"(?:alguien|hay alguien|sabes|sabe|puedes|puede|podrías|podría|tienes|me puedes|me podrías|quieres|crees)\s+\w",
)
_PORTUGUESE = (
    (
        r"(?:quem|qual|quais|onde|aonde|quando|como|por que|porque|por quê|quanto|quantos|quantas|quanta|cadê|o que|que horas|será que|"
        r"de quem|com quem|para quem|de onde)\b(?!\s+(?:siempre|sempre|eu|ele|ela|nós|eles|elas)\b)"
    ),
    (
        r"(?:alguém|tem alguém|você|vocês|pode|podem|poderia|consegue|sabe)\s+(?:sabe|pode|tem|viu|quer|conhece|consegue|me|aqui|acha|"
        r"vai|vem)\b"
    ),
)
_CHINESE = (r".*(?:吗|嗎|什么|什麼|怎么|怎麼|为什么|為什麼|谁|誰|哪里|哪裡|哪儿|几点|幾點|多少|是不是|有没有|能不能)",)
_JAPANESE = (
    r".*(?<!と)(?<!いつ)(?<!何)(?<!誰)(?<!なに)(?<!だれ)(?<!どこ)(?:か|かな|かい|っけ|のか)$",
    (
        r".*(?:何(?![かもで])|なに(?![かも])|誰(?![かも])|だれ(?![かも])|いつ(?![かもの])|どこ(?![かもで])|どうして|なぜ|どれ(?![かもで])|どちら(?![かもで])|"
        r"どんな(?!に)|どの(?!みち)|どう(?![もぞせか])|いくら(?![かでも])|いくつ(?![かもで])|なんで|何時|何人)"
    ),
)
_ASKS: Final = re.compile(
    "^(?:" + "|".join((*_ENGLISH, *_GERMAN, *_FRENCH, *_SPANISH, *_PORTUGUESE, *_CHINESE, *_JAPANESE)) + ")"
)


def is_question(text: str) -> bool:
    """Whether anything in the text asks."""
    text = spoken(text).strip().lower().replace("\u2019", "'")
    if _MARK.search(text):
        return True
    position = 0
    for end in (*_SENTENCES.finditer(text), None):
        sentence = text[position : end.start() if end else len(text)].strip()
        if sentence and not (end and _SAID.search(end[0])) and _asks(sentence):
            return True
        position = end.end() if end else position
    return False


def _asks(sentence: str) -> bool:
    """Whether one sentence asks: as it is, or without those whom it addresses."""
    sentence = _FILLERS.sub("", _ADDRESS.sub("", sentence))
    if _CLAUSE.match(sentence):
        return False
    return any(_ASKS.match(_FILLERS.sub("", words)) for words in (sentence, _OPENING.sub("", sentence, count=1)))
